//! How often what passed between us and one peer, since the node started.

use std::sync::atomic::{AtomicU64, Ordering};

use liaison_protocol::fault::{Answer, Blame, Later, Refused};

const ANSWERS: usize = 1 + Refused::ALL.len() + Later::ALL.len();

/// Answers and faults, counted.
#[derive(Debug, Default)]
pub struct Tally {
    gave: Answers,
    got: Answers,
    /// Of the author's, the courier's, our own.
    faults: [AtomicU64; 3],
}

impl Tally {
    /// We answered its records.
    pub fn gave<'a>(&self, answers: impl IntoIterator<Item = &'a Answer>) {
        for answer in answers {
            self.gave.add(*answer);
        }
    }

    /// It answered a record of ours.
    pub fn got(&self, answer: Answer) {
        self.got.add(answer);
    }

    /// A session with it ended because of a fault.
    pub fn fault(&self, blame: Blame) {
        if let Some(count) = self.faults.get(place(blame)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// What we answered, as far as we ever did.
    pub fn given(&self) -> Vec<(Answer, u64)> {
        self.gave.counts()
    }

    /// What it answered, as far as it ever did.
    pub fn gotten(&self) -> Vec<(Answer, u64)> {
        self.got.counts()
    }

    /// Sessions that ended because of a fault.
    pub fn faults(&self) -> [(Blame, u64); 3] {
        [Blame::Author, Blame::Courier, Blame::Local].map(|blame| {
            let count = self.faults.get(place(blame));
            (blame, count.map_or(0, |c| c.load(Ordering::Relaxed)))
        })
    }
}

#[derive(Debug, Default)]
struct Answers([AtomicU64; ANSWERS]);

impl Answers {
    fn add(&self, answer: Answer) {
        let place = all().position(|a| a == answer);
        if let Some(count) = place.and_then(|at| self.0.get(at)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn counts(&self) -> Vec<(Answer, u64)> {
        all()
            .zip(&self.0)
            .map(|(answer, count)| (answer, count.load(Ordering::Relaxed)))
            .filter(|(_, count)| *count > 0)
            .collect()
    }
}

fn all() -> impl Iterator<Item = Answer> {
    let refused = Refused::ALL.into_iter().map(Answer::Refused);
    let later = Later::ALL.into_iter().map(Answer::Later);
    std::iter::once(Answer::Stored).chain(refused).chain(later)
}

const fn place(blame: Blame) -> usize {
    match blame {
        Blame::Author => 0,
        Blame::Courier => 1,
        Blame::Local => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_answer_is_counted_by_itself() {
        let tally = Tally::default();
        for (times, answer) in all().enumerate() {
            for _ in 0..=times {
                tally.got(answer);
            }
        }
        tally.gave(&[Answer::Stored, Answer::Stored]);
        tally.fault(Blame::Courier);
        let expected: Vec<(Answer, u64)> = all().zip(1..).collect();
        assert_eq!(tally.gotten(), expected);
        assert_eq!(tally.given(), [(Answer::Stored, 2)]);
        assert_eq!(
            tally.faults(),
            [(Blame::Author, 0), (Blame::Courier, 1), (Blame::Local, 0)]
        );
    }
}
