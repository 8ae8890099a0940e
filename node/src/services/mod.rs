//! Services and the desks of agencies: who is open, which offers fit a person's needs, and where
//! offers are missing. Read from strategic records and cards alone; nothing here decides, it
//! suggests, and a person confirms.

pub mod hours;
