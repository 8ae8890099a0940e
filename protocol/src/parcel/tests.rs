//! Parcels: made, opened, and refused in every way.
