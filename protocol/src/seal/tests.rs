//! Round trips, and each way in which a seal stays closed.
