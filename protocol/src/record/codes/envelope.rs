//! Lists of the envelope: what a record is, and how it may be handled.

use super::codes;

/// Which rules a kind is under.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Plane {
    /// Open text, never personal.
    Strategic,
    /// Content sealed to named recipients.
    Personal,
    /// Moves or withdraws what others hold.
    Control,
}

impl Plane {
    /// As policies and tables write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Plane::Strategic => "strategic",
            Plane::Personal => "personal",
            Plane::Control => "control",
        }
    }
}

codes! {
    /// What a record is.
    Kind is "a kind of record" {
        Trend = "trend", "Trend";
        ModusOperandi = "modus-operandi", "Modus operandi";
        Route = "route", "Route";
        DocumentAlert = "document-alert", "Document alert";
        Service = "service", "Service offer or gap";
        Contact = "contact", "Contact (an agency's card)";
        Keys = "keys", "Keys statement";
        Retract = "retract", "Retraction";
        Recall = "recall", "Recall of a copy";
        Receipt = "receipt", "Receipt";
        Permit = "permit", "Permit to pass on";
        Ask = "ask", "Request for a permit";
        Affirm = "affirm", "Affirmation of records";
        Sealed = "sealed", "Sealed record";
    }
}

impl Kind {
    /// The rules that it is under.
    pub const fn plane(self) -> Plane {
        match self {
            Kind::Trend
            | Kind::ModusOperandi
            | Kind::Route
            | Kind::DocumentAlert
            | Kind::Service
            | Kind::Contact => Plane::Strategic,
            Kind::Keys
            | Kind::Retract
            | Kind::Recall
            | Kind::Receipt
            | Kind::Permit
            | Kind::Ask
            | Kind::Affirm => Plane::Control,
            Kind::Sealed => Plane::Personal,
        }
    }

    /// The kinds that a person writes from a template.
    pub const WRITTEN: &'static [Kind] = &[
        Kind::Trend,
        Kind::ModusOperandi,
        Kind::Route,
        Kind::DocumentAlert,
        Kind::Service,
        Kind::Contact,
    ];
}

codes! {
    /// Traffic light protocol 2.0 (FIRST), ordered from open to closed.
    Tlp is "a TLP marking" {
        Clear = "clear", "Clear: no limit";
        Green = "green", "Green: the community";
        Amber = "amber", "Amber: the organisation and its clients";
        AmberStrict = "amber+strict", "Amber+strict: the organisation only";
        Red = "red", "Red: named individuals only";
    }
}

codes! {
    /// Permissible actions protocol, from the least to the most a receiver may do.
    Pap is "a PAP marking" {
        Red = "red", "Red: no outward enquiry";
        Amber = "amber", "Amber: passive enquiry";
        Green = "green", "Green: active enquiry allowed";
        Clear = "clear", "Clear: no limit";
    }
}

codes! {
    /// Europol handling codes.
    HandlingCode is "a handling code" {
        H0 = "H0", "Only to prevent and combat crime";
        H1 = "H1", "Not in court without permission";
        H2 = "H2", "Not passed on without permission";
        H3 = "H3", "Other limit, in the note";
    }
}

codes! {
    /// Why a record may be processed.
    Purpose is "a purpose" {
        Prevention = "prevention", "Prevention";
        Investigation = "investigation", "Investigation";
        Prosecution = "prosecution", "Prosecution";
        Protection = "protection", "Protection of victims";
        Statistics = "statistics", "Statistics";
        Training = "training", "Training";
    }
}

codes! {
    /// On what law or agreement processing rests.
    LegalBasisCode is "a legal basis" {
        NationalLaw = "national-law", "National law";
        PccSee = "pcc-see", "Police Cooperation Convention for Southeast Europe";
        UntocArt27 = "untoc-art27", "UNTOC, Article 27";
        SomProtocol = "som-protocol", "Smuggling of Migrants Protocol";
        Palermo = "palermo", "Trafficking in Persons Protocol";
        Mla = "mla", "Mutual legal assistance";
        JitAgreement = "jit-agreement", "Joint investigation team agreement";
        NrmSop = "nrm-sop", "National referral mechanism procedure";
        Consent = "consent", "Consent of the person";
        VitalInterest = "vital-interest", "Vital interest of a person";
        FiuAgreement = "fiu-agreement", "Agreement between financial intelligence units";
        Other = "other", "Other, named in the reference";
    }
}

codes! {
    /// What the crime is, as far as it is known.
    CrimeClass is "a class of crime" {
        Smuggling = "smuggling", "Migrant smuggling";
        Trafficking = "trafficking", "Trafficking in persons";
        Mixed = "mixed", "Both";
        Undetermined = "undetermined", "Not determined";
    }
}

codes! {
    /// What the content rests on (Directive (EU) 2016/680, Article 7).
    Basis is "a basis" {
        Fact = "fact", "Fact";
        Assessment = "assessment", "Personal assessment";
        Mixed = "mixed", "Facts and assessments";
    }
}

codes! {
    /// Schemes in which sources and information are graded.
    GradeScheme is "a grading scheme" {
        FourByFour = "4x4", "4x4 (Europol): A B C X, 1 to 4";
        Admiralty = "admiralty", "Admiralty: A to F, 1 to 6";
        ThreeFiveTwo = "3x5x2", "3x5x2 (UK): reliable, untested or not; A to E";
    }
}

impl GradeScheme {
    /// The grades that a source can have in this scheme.
    pub const fn sources(self) -> &'static [&'static str] {
        match self {
            GradeScheme::FourByFour => &["A", "B", "C", "X"],
            GradeScheme::Admiralty => &["A", "B", "C", "D", "E", "F"],
            GradeScheme::ThreeFiveTwo => &["reliable", "untested", "not-reliable"],
        }
    }

    /// The grades that information can have in this scheme (in 3x5x2 with its handling
    /// letter, P or C, behind the grade).
    pub const fn infos(self) -> &'static [&'static str] {
        match self {
            GradeScheme::FourByFour => &["1", "2", "3", "4"],
            GradeScheme::Admiralty => &["1", "2", "3", "4", "5", "6"],
            GradeScheme::ThreeFiveTwo => {
                &["AP", "AC", "BP", "BC", "CP", "CC", "DP", "DC", "EP", "EC"]
            }
        }
    }
}

codes! {
    /// How a record relates to another.
    RefRel is "a relation" {
        About = "about", "About";
        Supports = "supports", "Supports";
        Contradicts = "contradicts", "Contradicts";
        PartOf = "part-of", "Part of";
        Answers = "answers", "Answers";
        DuplicateOf = "duplicate-of", "Duplicate of";
    }
}

codes! {
    /// Why a record is withdrawn.
    RetractReason is "a reason for withdrawal" {
        Error = "error", "It was wrong";
        ConsentWithdrawn = "consent-withdrawn", "Consent was withdrawn";
        SubjectRight = "subject-right", "A person used their right to erasure";
        Expired = "expired", "Its time is over";
        SourceAtRisk = "source-at-risk", "It puts a source at risk";
        CourtOrder = "court-order", "A court ordered it";
        Duplicate = "duplicate", "It was there twice";
        Amended = "amended", "It was replaced by one for fewer readers";
    }
}

codes! {
    /// Why a copy is taken back.
    RecallReason is "a reason for a recall" {
        Policy = "policy", "The releasing node's policy no longer lets the holder have it";
        Handling = "handling", "Its handling no longer lets the holder have it";
        PeerRemoved = "peer-removed", "The holder is a peer of the releasing node no more";
        Other = "other", "Another reason";
    }
}

codes! {
    /// What a holder did with a copy.
    ReceiptWhat is "what a holder did" {
        Read = "read", "An officer has read that it is withdrawn";
        Refused = "refused", "The holder does not erase it";
        Erased = "erased", "The holder erased it";
        Held = "held", "The holder must keep it: a legal hold";
    }
}

codes! {
    /// Why a signing key is no longer used.
    RevokedState is "a state of a revoked key" {
        Rotated = "rotated", "Rotated: what it signed in its time stands";
        Compromised = "compromised", "Compromised: nothing more is taken from it";
    }
}
