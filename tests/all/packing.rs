//! Parcels are made while other things happen: records are withdrawn, clocks are set.

use std::cell::RefCell;
use std::path::PathBuf;
use std::sync::{Arc, mpsc};

use futures::future::BoxFuture;
use liaison_node::clock::{Clock, ManualClock, SystemClock};
use liaison_node::limits::DAY_MS;
use liaison_node::parcels::{Row, State};
use liaison_protocol::clock::Millis;
use liaison_tests::federation::{ACCEPT, OPEN, PATIENCE};
use liaison_tests::{Federation, sealed};
use serde_json::Value;

use crate::first::trend;
use crate::parcels::{lie, outbox};
use crate::withdrawal::until;

/// Two nodes with this clock that know each other and are not connected.
async fn apart(clock: Arc<dyn Clock>) -> Federation {
    let mut federation = Federation::new();
    for name in ["a", "b"] {
        let node = federation.prepare(name, "border", "QN");
        node.with_clock(clock.clone()).start().await;
    }
    federation.link_all().await;
    for name in ["a", "b"] {
        federation[name].policy(OPEN).await;
    }
    federation.settled().await;
    federation.cut("a", "b").await;
    federation
}

fn path(federation: &Federation, name: &str) -> PathBuf {
    federation.dir().join(name)
}

async fn pack(federation: &Federation, name: &str, more: &[&str]) -> Value {
    let file = path(federation, name);
    let file = file.to_string_lossy();
    let args = [&["bundle", "pack", "--to", "b"], more, &[&file]].concat();
    federation["a"].json(&args).await
}

async fn unpack(federation: &Federation, name: &str) {
    let file = path(federation, name);
    let file = file.to_string_lossy();
    let args = ["bundle", "unpack", &file, "--json"];
    // What was opened before is no reason to fail.
    let _ran = federation["b"].cli(&args).await;
}

thread_local! {
    /// What the clock does at the next look of this thread.
    static AT_A_LOOK: RefCell<Option<Box<dyn FnMut() -> bool>>> = const { RefCell::new(None) };
}

/// The machine's clock, at which a thread can be made to wait.
#[derive(Debug)]
struct Stopping;

impl Clock for Stopping {
    fn now(&self) -> Millis {
        AT_A_LOOK.with_borrow_mut(|stop| {
            if stop.as_mut().is_some_and(|stop| stop()) {
                *stop = None;
            }
        });
        SystemClock.now()
    }

    fn wait(&self, seen: Millis, due: Millis) -> BoxFuture<'static, ()> {
        SystemClock.wait(seen, due)
    }
}

/// It was released, and its parcel is not in the outbox yet, where a withdrawal looks for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn e13_what_is_retracted_while_its_parcel_is_sealed_does_not_leave() {
    let mut federation = apart(Arc::new(Stopping)).await;
    let (a, b) = (&federation["a"], federation["b"].agency);
    let goes = a.push(&trend("Goes"), &[]).await;
    let stays = a.push(&trend("Stays"), &[]).await;
    let (store, parcels) = (a.node().store.clone(), a.node().parcels.clone());
    let at = |id| store.arrival_of(id).expect("store").expect("held");
    let (goes_at, stays_at) = (at(&goes), at(&stays));
    let first = parcels.begin_bundle(b).await.expect("a number");
    let (reached, released) = mpsc::sync_channel(1);
    let (go, goes_on) = mpsc::sync_channel(1);
    let (runtime, look) = (tokio::runtime::Handle::current(), parcels.clone());
    let packing = std::thread::spawn(move || {
        AT_A_LOOK.set(Some(Box::new(move || {
            let line = store.ledger_entry(&b, goes_at).expect("store");
            let is_released = line.is_some();
            if is_released {
                reached.send(()).expect("the test runs");
                goes_on.recv_timeout(PATIENCE).expect("the test runs");
            }
            is_released
        })));
        runtime.block_on(parcels.pack_bundle(b, first, false))
    });
    let released = tokio::task::spawn_blocking(move || released.recv_timeout(PATIENCE));
    released.await.expect("a task").expect("it is released");
    let args = ["retract", &goes.full(), "--reason", "error", "--yes"];
    a.cli(&args).await.expect_code(0);
    look.look(|_| true).await.expect("a look");
    go.send(()).expect("it waits");
    let packed = tokio::task::spawn_blocking(move || packing.join().expect("a thread"));
    let packed = packed.await.expect("a task").expect("packed");
    let id = packed.expect("the rest, and the retraction").id();
    let rows = look.outbox().rows(|_| true);
    assert!(rows.iter().all(|row| !row.records.contains(&goes_at)));
    let row = rows.iter().find(|row| row.id == id).expect("its row");
    assert!(row.records.contains(&stays_at), "{row:?}");
    federation.stop().await;
}

/// A narrower policy withdraws without a word: nothing but the number says so.
#[tokio::test(flavor = "multi_thread")]
async fn e13_a_bundle_of_which_something_was_withdrawn_is_refused_once_its_addressee_is_told() {
    let clock = Arc::new(ManualClock::new(SystemClock.now()));
    let mut federation = apart(clock.clone()).await;
    let a = &federation["a"];
    let goes = a.push(&trend("Goes"), &["--to", "b"]).await;
    pack(&federation, "1.bundle", &[]).await;
    let more = a.push(&trend("Goes as well"), &["--to", "b"]).await;
    pack(&federation, "2.bundle", &[]).await;
    outbox(a, "both lie", |rows| rows.len() == 2 && lie(rows)).await;
    // A clock that is wrong for a while ends nothing.
    clock.advance(31 * DAY_MS);
    a.policy(ACCEPT).await;
    let unwanted = |rows: &[Row]| {
        let unwanted = |row: &Row| matches!(row.state, State::Unwanted { .. });
        rows.len() == 2 && rows.iter().all(unwanted)
    };
    outbox(a, "both are void", unwanted).await;
    let look = a.node().parcels.look(|_| true).await;
    look.expect("a look");
    clock.set(SystemClock.now());
    let told = pack(&federation, "3.bundle", &[]).await;
    assert_eq!((&told["parcels"], &told["records"]), (&1.into(), &0.into()));
    // Told once: a letter that says nothing else is not owed for ever.
    let nothing = pack(&federation, "4.bundle", &[]).await;
    assert_eq!(nothing["parcels"], 0, "{nothing}");
    for name in ["3.bundle", "1.bundle", "2.bundle"] {
        unpack(&federation, name).await;
    }
    for id in [goes, more] {
        assert!(!sealed::has_bytes(&federation["b"], &id));
    }
    // What is withdrawn from a bundle is in the next if it may go again.
    federation["a"].policy(OPEN).await;
    pack(&federation, "5.bundle", &[]).await;
    unpack(&federation, "5.bundle").await;
    federation["b"].holds_all(&[goes, more]).await;
    // B told the time when it was connected last.
    federation["a"].node().time.forget(&federation["b"].agency);
    // Nobody opens the old ones when they are at their end, and their rows are forgotten.
    for _ in 0..31 {
        clock.advance(DAY_MS);
        let look = federation["a"].node().parcels.look(|_| true).await;
        look.expect("a look");
    }
    let gone = |rows: &[Row]| rows.iter().all(|row| row.number > 2);
    outbox(&federation["a"], "they are forgotten", gone).await;
    federation.stop().await;
}

/// By the wall clock alone the older bundle would look newer than the recall.
#[tokio::test(flavor = "multi_thread")]
async fn e13_an_older_bundle_does_not_lift_a_recall_although_the_clock_was_set_back_between() {
    let clock = Arc::new(ManualClock::new(SystemClock.now()));
    let mut federation = apart(clock.clone()).await;
    let id = federation["a"]
        .push(&trend("Called back"), &["--to", "b"])
        .await;
    pack(&federation, "1.bundle", &[]).await;
    let set = clock.advance(5 * 60_000);
    let again = pack(&federation, "2.bundle", &["--again"]).await;
    assert_eq!(again["records"], 1, "{again}");
    unpack(&federation, "1.bundle").await;
    federation["b"].holds_all(&[id]).await;
    clock.set(Millis(set.0 - 4 * 60_000));
    let args = ["audience", &id.full(), "--to", "", "--yes"];
    let report = federation["a"].json(&args).await;
    assert_eq!(report["recalled"][0], "b", "{report}");
    // On the line, which tells no numbers.
    federation.mend("a", "b").await;
    until(&federation["a"], &id, "B says so", |view| {
        view["recipients"][0]["state"] == "erased"
    })
    .await;
    assert!(!sealed::has_bytes(&federation["b"], &id));
    federation.cut("a", "b").await;
    clock.advance(10 * 60_000);
    unpack(&federation, "2.bundle").await;
    assert!(!sealed::has_bytes(&federation["b"], &id));
    federation.stop().await;
}
