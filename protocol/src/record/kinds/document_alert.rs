//! A type of document that is forged or abused.

use serde::{Deserialize, Serialize};

use crate::record::codes::{
    Country3, DetectionLine, DocType, Fraud, IcaoCode, ImageHash, Register,
};

/// A type of forged or abused document. Never the holder's name, photo, full number or
/// machine-readable zone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DocumentAlert {
    /// Its type.
    pub doc_type: DocType,
    /// Its document code (ICAO 9303).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub icao_code: Option<IcaoCode>,
    /// Who issues the genuine one.
    pub issuer: Country3,
    /// What is wrong with it.
    pub fraud: Fraud,
    /// By what it is recognised, at least one.
    pub features: Vec<Feature>,
    /// How its numbers begin; shorter than a number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub series_prefix: Option<String>,
    /// Line of inspection that finds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detection: Option<DetectionLine>,
    /// SHA-256 of images that are shared another way.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub image_hashes: Vec<ImageHash>,
    /// Registers that were asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub registers_checked: Vec<Register>,
}

/// One feature of a document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Feature {
    /// Where: "data page", "cover".
    pub page: String,
    /// What: "UV security thread" (terms of the PRADO glossary).
    pub feature: String,
    /// How it is in a genuine one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub genuine: Option<String>,
    /// How it was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed: Option<String>,
}
