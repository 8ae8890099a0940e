//! The identity: for the provider that accepted, and nobody else.

use super::Private;
use super::encode::sealed;
use crate::record::codes::{Country2, DocType, FamilyRelation, GuardianKind};

sealed! {
    /// Who a person is.
    pub struct Identity {
        /// Names, as the person gives them: the name used first.
        pub names: Vec<Private>,
        /// Birth date as far as known: 2008, 2008-05 or 2008-05-17.
        #[serde(default)]
        pub birth_date: Option<Private>,
        /// Citizenship; for the stateless, the country where they lived.
        #[serde(default)]
        pub citizenship: Vec<Country2>,
        /// Documents.
        #[serde(default)]
        pub documents: Vec<IdentityDocument>,
        /// Telephone numbers, e-mail addresses.
        #[serde(default)]
        pub contact: Vec<Private>,
        /// Where they are staying.
        #[serde(default)]
        pub address: Option<Private>,
        /// The guardian of a child.
        #[serde(default)]
        pub guardian: Option<Guardian>,
        /// Relatives who matter for help or for safety.
        #[serde(default)]
        pub family: Vec<FamilyLink>,
    }
}

sealed! {
    /// A document of a person.
    pub struct IdentityDocument {
        /// Its type.
        pub doc_type: DocType,
        /// Its number.
        pub number: Private,
        /// The country that issued it.
        pub issuer: Country2,
    }
}

sealed! {
    /// A guardian.
    pub struct Guardian {
        /// What they are.
        pub kind: GuardianKind,
        /// Name of the person or the institution.
        pub name: Private,
        /// How they are reached.
        pub contact: Private,
    }
}

sealed! {
    /// A relative.
    pub struct FamilyLink {
        /// What they are to the person.
        pub relation: FamilyRelation,
        /// Their name.
        pub name: Private,
        /// Where they are or how they are reached.
        #[serde(default)]
        pub contact: Option<Private>,
    }
}
