//! Accept decisions, remembered by what policy sees of a record: a class has its number only
//! once it is stored, so that the engine's own memory can't be asked.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use bytes::Bytes;
use liaison_protocol::id::AgencyId;

use crate::limits;
use crate::policy::{Action, Attributes, Decision, Engine};

/// The decisions of one policy epoch: [`limits::ACCEPTS_REMEMBERED`] at most.
#[derive(Debug, Default)]
pub struct Accepts(RwLock<Epoch>);

#[derive(Debug, Default)]
struct Epoch {
    number: u64,
    count: usize,
    by_courier: HashMap<AgencyId, HashMap<Bytes, Arc<Decision>>>,
}

impl Accepts {
    /// Whether the courier's record is accepted. `class` is the canonical form of
    /// `attributes`; `addressed` follows from them.
    pub fn decide(
        &self,
        engine: &Engine,
        courier: &AgencyId,
        attributes: &Attributes,
        class: &Bytes,
        addressed: bool,
    ) -> Arc<Decision> {
        if let Some(known) = self.known(engine.epoch(), courier, class) {
            return known;
        }
        let decision = Arc::new(engine.decide(Action::Accept, courier, attributes, addressed));
        self.remember(engine.epoch(), courier, class, &decision);
        decision
    }

    fn known(&self, epoch: u64, courier: &AgencyId, class: &[u8]) -> Option<Arc<Decision>> {
        let held = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let of_courier = held.by_courier.get(courier)?;
        let known = of_courier.get(class)?;
        (held.number == epoch).then(|| Arc::clone(known))
    }

    fn remember(&self, epoch: u64, courier: &AgencyId, class: &Bytes, decision: &Arc<Decision>) {
        let mut held = self.0.write().unwrap_or_else(PoisonError::into_inner);
        // A batch that began before the policy changed brings nothing back.
        if epoch < held.number {
            return;
        }
        if epoch > held.number || held.count >= limits::ACCEPTS_REMEMBERED {
            *held = Epoch {
                number: epoch,
                ..Epoch::default()
            };
        }
        let of_courier = held.by_courier.entry(*courier).or_default();
        if of_courier
            .insert(class.clone(), Arc::clone(decision))
            .is_none()
        {
            held.count += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decision(says: &str) -> Arc<Decision> {
        Arc::new(Decision {
            allow: true,
            statements: Vec::new(),
            default_deny: false,
            errors: vec![says.into()],
        })
    }

    #[test]
    fn a_decision_holds_for_its_courier_class_and_epoch() {
        let accepts = Accepts::default();
        let [a, b] = [1, 2].map(|n| AgencyId::from_bytes([n; 32]));
        let class = Bytes::from_static(b"class");
        accepts.remember(3, &a, &class, &decision("first"));
        assert_eq!(accepts.known(3, &a, &class), Some(decision("first")));
        assert_eq!(accepts.known(3, &b, &class), None);
        assert_eq!(accepts.known(3, &a, b"other"), None);
        assert_eq!(accepts.known(4, &a, &class), None);
        accepts.remember(4, &a, &class, &decision("second"));
        accepts.remember(3, &a, &class, &decision("late"));
        assert_eq!(accepts.known(4, &a, &class), Some(decision("second")));
        assert_eq!(accepts.known(3, &a, &class), None);
    }

    #[test]
    fn it_is_bounded() {
        let accepts = Accepts::default();
        let courier = AgencyId::from_bytes([1; 32]);
        for n in 0..limits::ACCEPTS_REMEMBERED + 2 {
            accepts.remember(
                1,
                &courier,
                &n.to_string().into_bytes().into(),
                &decision(""),
            );
        }
        let held = accepts.0.read().expect("lock");
        assert_eq!(held.count, 2);
        assert_eq!(held.by_courier.get(&courier).map(HashMap::len), Some(2));
    }
}
