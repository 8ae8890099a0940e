//! What two nodes say to each other.
