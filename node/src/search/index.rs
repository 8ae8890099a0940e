//! The index on disk: opened if it fits, else deleted and made anew. It is derived from the
//! store, so nothing is lost with it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tantivy::indexer::{IndexWriterOptions, UserOperation};
use tantivy::{Index, IndexReader, IndexWriter, ReloadPolicy};

use super::document::Document;
use super::limits;
use super::schema::{Schema, VERSION};

/// Folder of the index, inside of the folder that the caller gives.
const FOLDER: &str = "index";

/// There while the index is open: found at the start, it says that the last stop was not
/// a clean one.
const OPEN_MARK: &str = "open";

/// What a commit says about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Payload {
    version: u32,
    incarnation: u64,
    upto: u64,
}

/// An open index.
pub(super) struct Files {
    pub(super) schema: Schema,
    pub(super) reader: IndexReader,
    /// Arrival up to which it is committed.
    pub(super) upto: u64,
    /// Whether the last stop was not a clean one.
    pub(super) unclean: bool,
    index: Index,
    incarnation: u64,
    mark: PathBuf,
}

/// Why an index is not used.
#[derive(Debug, thiserror::Error)]
enum Unfit {
    #[error("there is none")]
    Missing,
    #[error("it was written by another version, or for another store")]
    Other,
    #[error("its files are damaged")]
    Damaged,
    #[error("{0}")]
    Tantivy(#[from] tantivy::TantivyError),
}

/// Why there is no index.
#[derive(Debug, thiserror::Error)]
pub(super) enum OpenFault {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Tantivy(#[from] tantivy::TantivyError),
}

impl Files {
    /// Opens the index in `dir`, or makes it anew if it is missing, damaged, or of another
    /// version or store.
    pub(super) fn open(dir: &Path, incarnation: u64) -> Result<Self, OpenFault> {
        fs::create_dir_all(dir)?;
        let folder = dir.join(FOLDER);
        let mark = dir.join(OPEN_MARK);
        let schema = Schema::new();
        let (index, upto, unclean) = match existing(&folder, &schema, incarnation) {
            Ok((index, upto)) => (index, upto, mark.exists()),
            Err(unfit) => {
                if !matches!(unfit, Unfit::Missing) {
                    tracing::warn!(reason = %unfit, "search: the index is built anew from the store");
                }
                (create(&folder, &schema)?, 0, false)
            }
        };
        fs::write(&mark, b"")?;
        let reader = index
            .reader_builder()
            .reload_policy(ReloadPolicy::Manual)
            .try_into()?;
        Ok(Self {
            schema,
            reader,
            upto,
            unclean,
            index,
            incarnation,
            mark,
        })
    }

    /// The one writer.
    pub(super) fn writer(&self) -> tantivy::Result<Writer> {
        let options = IndexWriterOptions::builder()
            .memory_budget_per_thread(limits::INDEX_HEAP_BYTES)
            .num_worker_threads(1)
            .num_merge_threads(1)
            .build();
        Ok(Writer {
            inner: self.index.writer_with_options(options)?,
            schema: self.schema.clone(),
            incarnation: self.incarnation,
        })
    }

    /// Says that the index was stopped cleanly.
    pub(super) fn closed(&self) -> io::Result<()> {
        match fs::remove_file(&self.mark) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

/// Writes documents to the index.
pub(super) struct Writer {
    inner: IndexWriter,
    schema: Schema,
    incarnation: u64,
}

impl Writer {
    /// Writes a record's rows, in one batch so that they stay together.
    pub(super) fn add(&self, document: &Document) -> tantivy::Result<()> {
        let rows = self.schema.rows(document);
        self.inner
            .run(rows.into_iter().map(UserOperation::Add).collect::<Vec<_>>())
            .map(drop)
    }

    /// Takes a record's rows away.
    pub(super) fn remove(&self, arrival: u64) {
        self.inner.delete_term(self.schema.record(arrival));
    }

    /// Takes everything away.
    pub(super) fn clear(&self) -> tantivy::Result<()> {
        self.inner.delete_all_documents().map(drop)
    }

    /// Makes it durable and says up to which arrival it goes.
    pub(super) fn commit(&mut self, upto: u64) -> tantivy::Result<()> {
        let payload = Payload {
            version: VERSION,
            incarnation: self.incarnation,
            upto,
        };
        let text = serde_json::to_string(&payload)
            .map_err(|e| tantivy::TantivyError::InternalError(e.to_string()))?;
        let mut commit = self.inner.prepare_commit()?;
        commit.set_payload(&text);
        commit.commit().map(drop)
    }

    /// Waits for what is still being merged.
    pub(super) fn close(self) -> tantivy::Result<()> {
        self.inner.wait_merging_threads()
    }
}

fn existing(folder: &Path, schema: &Schema, incarnation: u64) -> Result<(Index, u64), Unfit> {
    if !folder.exists() {
        return Err(Unfit::Missing);
    }
    let index = Index::open_in_dir(folder)?;
    let metas = index.load_metas()?;
    let payload: Payload = metas
        .payload
        .as_deref()
        .and_then(|text| serde_json::from_str(text).ok())
        .ok_or(Unfit::Other)?;
    let fits = payload.version == VERSION
        && payload.incarnation == incarnation
        && index.schema() == schema.tantivy;
    if !fits {
        return Err(Unfit::Other);
    }
    if !index.validate_checksum()?.is_empty() {
        return Err(Unfit::Damaged);
    }
    Ok((index, payload.upto))
}

fn create(folder: &Path, schema: &Schema) -> Result<Index, OpenFault> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    fs::create_dir_all(folder)?;
    Ok(Index::create_in_dir(folder, schema.tantivy.clone())?)
}
