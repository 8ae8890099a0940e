//! The calls of the local API: each is routed, described (OpenAPI) and given to roles by the
//! same line, so that none of these can be without the others.

use std::sync::Arc;

use axum::Router;
use axum::handler::Handler;
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::{self, MethodFilter};
use utoipa::ToSchema;
use utoipa::openapi::path::{OperationBuilder, ParameterBuilder, ParameterIn};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::{ArrayBuilder, ComponentsBuilder, ObjectBuilder, Schema, Type};
use utoipa::openapi::{
    Content, HttpMethod, Info, OpenApi, Paths, Ref, RefOr, Required, ResponseBuilder,
};

use super::access::{Access, AccessTable, LOOK};
use super::api::ApiError;
use crate::node::Node;

/// Path of the description.
const DESCRIPTION: &str = "/v1/openapi.json";

/// A router that knows how to describe itself.
pub(super) struct Calls {
    router: Router<Node>,
    access: AccessTable,
    paths: Paths,
    schemas: Vec<(String, RefOr<Schema>)>,
}

/// What a call takes or gives.
pub(super) struct Word {
    media: &'static str,
    schema: Option<RefOr<Schema>>,
    needs: Vec<(String, RefOr<Schema>)>,
}

/// No body.
pub(super) fn nothing() -> Word {
    Word {
        media: "",
        schema: None,
        needs: Vec::new(),
    }
}

/// A JSON object.
pub(super) fn json<T: ToSchema>() -> Word {
    let mut needs = vec![(T::name().into_owned(), T::schema())];
    T::schemas(&mut needs);
    Word {
        media: "application/json",
        schema: Some(Ref::from_schema_name(T::name()).into()),
        needs,
    }
}

/// A JSON array of objects.
pub(super) fn list<T: ToSchema>() -> Word {
    let one = json::<T>();
    let array = one.schema.map(|one| ArrayBuilder::new().items(one).build());
    Word {
        schema: array.map(|a| Schema::Array(a).into()),
        ..one
    }
}

/// One JSON object a line.
pub(super) fn lines<T: ToSchema>() -> Word {
    Word {
        media: "application/x-ndjson",
        ..json::<T>()
    }
}

/// Bytes as they are.
pub(super) fn bytes() -> Word {
    Word {
        media: "application/octet-stream",
        schema: Some(ObjectBuilder::new().schema_type(Type::String).into()),
        needs: Vec::new(),
    }
}

impl Calls {
    pub(super) fn new() -> Self {
        Self {
            router: Router::new(),
            access: AccessTable::default(),
            paths: Paths::new(),
            schemas: json::<ApiError>().needs,
        }
    }

    pub(super) fn get<H, T>(
        self,
        path: &str,
        says: &str,
        access: Access,
        handler: H,
        gives: Word,
    ) -> Self
    where
        H: Handler<T, Node>,
        T: 'static,
    {
        let router = routing::on(MethodFilter::GET, handler);
        self.add(
            HttpMethod::Get,
            path,
            says,
            access,
            router,
            nothing(),
            gives,
        )
    }

    pub(super) fn post<H, T>(
        self,
        path: &str,
        says: &str,
        access: Access,
        handler: H,
        takes: Word,
        gives: Word,
    ) -> Self
    where
        H: Handler<T, Node>,
        T: 'static,
    {
        let router = routing::on(MethodFilter::POST, handler);
        self.add(HttpMethod::Post, path, says, access, router, takes, gives)
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "every column of the table of calls, once"
    )]
    fn add(
        mut self,
        method: HttpMethod,
        path: &str,
        says: &str,
        access: Access,
        router: routing::MethodRouter<Node>,
        takes: Word,
        gives: Word,
    ) -> Self {
        let mut operation = OperationBuilder::new()
            .summary(Some(says))
            .description(Some(format!("Roles: {}.", access.roles)))
            .response("200", response(says, gives.media, gives.schema))
            .response(
                "default",
                response(
                    "What went wrong, and what to do",
                    "application/json",
                    Some(Ref::from_schema_name(ApiError::name()).into()),
                ),
            );
        for name in path.split('/').filter_map(|part| {
            part.strip_prefix('{')
                .and_then(|part| part.strip_suffix('}'))
        }) {
            let text = ObjectBuilder::new().schema_type(Type::String);
            operation = operation.parameter(
                ParameterBuilder::new()
                    .name(name)
                    .parameter_in(ParameterIn::Path)
                    .required(Required::True)
                    .schema(Some(text)),
            );
        }
        if let Some(schema) = takes.schema {
            let body = RequestBodyBuilder::new()
                .content(takes.media, Content::new(Some(schema)))
                .required(Some(Required::True));
            operation = operation.request_body(Some(body.build()));
        }
        self.access.add(&method, path, access);
        self.paths
            .add_path_operation(path, vec![method], operation.build());
        self.schemas.extend(takes.needs);
        self.schemas.extend(gives.needs);
        self.router = self.router.route(path, router);
        self
    }

    /// The router, with its own description as its last call, and who may make which.
    pub(super) fn finish(self) -> (Router<Node>, AccessTable) {
        let any = Word {
            media: "application/json",
            schema: Some(ObjectBuilder::new().into()),
            needs: Vec::new(),
        };
        let text: Arc<std::sync::OnceLock<String>> = Arc::default();
        let shown = text.clone();
        let describe = move || {
            let text = shown.get().cloned().unwrap_or_default();
            async move { ([(header::CONTENT_TYPE, "application/json")], text).into_response() }
        };
        let all = self.get(DESCRIPTION, "This description", LOOK, describe, any);
        let info = Info::new("liaison: the node's local API", env!("CARGO_PKG_VERSION"));
        let mut description = OpenApi::new(info, all.paths);
        description.components = Some(
            ComponentsBuilder::new()
                .schemas_from_iter(all.schemas)
                .build(),
        );
        // A description that is no JSON would be empty, which a test sees.
        let _first = text.set(description.to_json().unwrap_or_default());
        (all.router, all.access)
    }
}

fn response(says: &str, media: &str, schema: Option<RefOr<Schema>>) -> utoipa::openapi::Response {
    let response = ResponseBuilder::new().description(says);
    match schema {
        Some(schema) => response.content(media, Content::new(Some(schema))).build(),
        None => response.build(),
    }
}
