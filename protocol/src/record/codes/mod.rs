//! Closed lists: what a field may say, as enums, and the shapes of open codes (countries,
//! places, languages, currencies).
//!
//! Every list reads and writes one text a value; a text outside the list is refused with
//! the texts that are allowed, so that no reader has to guess what a code means.

mod crime;
mod document;
mod envelope;
mod lifecycle;
mod people;
mod personal;
mod place;
mod route;
mod service;
mod text;
mod trend;

pub use crime::*;
pub use document::*;
pub use envelope::*;
pub use lifecycle::*;
pub use people::*;
pub use personal::*;
pub use place::*;
pub use route::*;
pub use service::*;
pub use text::*;
pub use trend::*;

use crate::id::clip;

/// A text that is on no closed list of its field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' is not {list}; allowed: {allowed}")]
pub struct UnknownCode {
    /// What the list holds, with its article: "a phase".
    pub list: &'static str,
    /// What was given, at most 64 characters.
    pub text: String,
    /// The allowed texts, separated by commas.
    pub allowed: String,
}

impl UnknownCode {
    pub(crate) fn new(list: &'static str, text: &str, allowed: &[&str]) -> Self {
        Self {
            list,
            text: clip(text),
            allowed: allowed.join(", "),
        }
    }
}

/// Declares a closed list: the enum, its texts, its labels and both directions of serde.
macro_rules! codes {
    ($(#[$doc:meta])* $name:ident is $what:literal { $($variant:ident = $text:literal, $label:literal;)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $(#[doc = $label] $variant,)+
        }

        impl $name {
            /// Every value, in the order of the list.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];
            /// Every text, in the order of the list.
            pub const TEXTS: &'static [&'static str] = &[$($text,)+];
            /// What the list holds, with its article.
            pub const WHAT: &'static str = $what;

            /// The text as it is signed and typed.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }

            /// The English label that people read.
            pub const fn label(self) -> &'static str {
                match self { $(Self::$variant => $label,)+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::record::codes::UnknownCode;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $($text => Ok(Self::$variant),)+
                    _ => Err($crate::record::codes::UnknownCode::new($what, text, Self::TEXTS)),
                }
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.serialize_str(self.as_str())
            }
        }

        impl $crate::personal::encode::Encode for $name {
            fn put(&self, out: &mut $crate::personal::encode::Out) {
                out.text(self.as_str());
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                d.deserialize_str($crate::record::codes::FromText::new($what))
            }
        }
    };
}
pub(crate) use codes;

/// A text that has not the shape that its field wants.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' is not {wanted}")]
pub struct BadShape {
    /// What the field wants, with its article.
    pub wanted: &'static str,
    /// What was given, at most 64 characters.
    pub text: String,
}

impl BadShape {
    pub(crate) fn new(wanted: &'static str, text: &str) -> Self {
        Self {
            wanted,
            text: clip(text),
        }
    }
}

/// Declares a text with a shape. The function gives the one way in which it is written;
/// people may deviate (small letters), the wire may not, so that a value has one encoding.
macro_rules! shaped {
    ($(#[$doc:meta])* $name:ident, $what:literal, $canon:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// What it is, with its article.
            pub const WHAT: &'static str = $what;

            /// The text as it is signed.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(&self.0)
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::record::codes::BadShape;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                $canon(text)
                    .map(Self)
                    .ok_or_else(|| $crate::record::codes::BadShape::new($what, text))
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.serialize_str(&self.0)
            }
        }

        impl $crate::personal::encode::Encode for $name {
            fn put(&self, out: &mut $crate::personal::encode::Out) {
                out.text(&self.0);
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let people = d.is_human_readable();
                let text = String::deserialize(d)?;
                let value: Self = text.parse().map_err(serde::de::Error::custom)?;
                if people || value.0 == text {
                    Ok(value)
                } else {
                    Err(serde::de::Error::custom(format_args!(
                        "'{}' must be written '{}'",
                        $crate::id::clip(&text),
                        value.0
                    )))
                }
            }
        }
    };
}
pub(crate) use shaped;

/// A serde visitor that reads a text by `FromStr`.
pub(crate) struct FromText<T> {
    what: &'static str,
    of: std::marker::PhantomData<T>,
}

impl<T> FromText<T> {
    pub(crate) const fn new(what: &'static str) -> Self {
        Self {
            what,
            of: std::marker::PhantomData,
        }
    }
}

impl<T> serde::de::Visitor<'_> for FromText<T>
where
    T: std::str::FromStr,
    T::Err: std::fmt::Display,
{
    type Value = T;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} as text", self.what)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_reads_back_and_an_unknown_one_names_the_list() {
        for tlp in Tlp::ALL {
            assert_eq!(tlp.as_str().parse(), Ok(*tlp));
        }
        assert_eq!(Tlp::ALL.len(), Tlp::TEXTS.len());
        let error = "orange".parse::<Tlp>().expect_err("unknown");
        assert_eq!(
            error.to_string(),
            "'orange' is not a TLP marking; allowed: clear, green, amber, amber+strict, red"
        );
        assert!(Tlp::Clear < Tlp::Green && Tlp::AmberStrict < Tlp::Red);
    }

    #[test]
    fn the_ctdc_list_has_seventeen_controls_and_isic_twenty_one_sections() {
        assert_eq!(Control::ALL.len(), 17);
        assert_eq!(IsicSection::ALL.len(), 21);
    }

    #[test]
    fn a_code_in_json_is_a_text_and_nothing_else() {
        assert_eq!(
            serde_json::to_string(&Tlp::AmberStrict).expect("json"),
            "\"amber+strict\""
        );
        assert_eq!(
            serde_json::from_str::<Phase>("\"transport\"").expect("json"),
            Phase::Transport
        );
        let error = serde_json::from_str::<Phase>("3").expect_err("number");
        assert!(error.to_string().contains("a phase as text"), "{error}");
        assert!(serde_json::from_str::<Phase>("\"Transport\"").is_err());
    }
}
