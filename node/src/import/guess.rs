//! stub
/// x
pub struct Guess;
/// x
pub fn guess() {}
