//! Both sides of a mailbox against each other, and against peers that keep to nothing.
