//! Work beside what a session does.

use std::future::{Future, pending};

use futures::future::BoxFuture;
use tokio_util::task::AbortOnDropHandle;

/// Runs work in a task of its own, which ends when what is given is dropped.
///
/// A future that a session keeps, and polls only while it has nothing else to do, keeps its place
/// in every queue that it stands in (the store's, the audit log's): the place is given to it, and
/// it does not take it. If the session itself waits in that queue meanwhile, both wait for good,
/// and so does everybody behind them.
pub fn aside<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> BoxFuture<'static, T> {
    let task = AbortOnDropHandle::new(tokio::spawn(work));
    Box::pin(async move {
        match task.await {
            Ok(done) => done,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // The runtime is going down, and whoever waits with it.
                Err(_) => pending().await,
            },
        }
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures::StreamExt;
    use futures::stream::FuturesOrdered;

    use super::*;
    use crate::limits;
    use crate::store::{Op, Options, Store};

    fn write(store: &Store, rows: u64) -> impl Future<Output = bool> + Send + 'static {
        let (store, job) = (store.clone(), "look".to_owned());
        async move {
            let write = store.write(vec![Op::JobProgress { job, rows }]);
            write.await.is_ok()
        }
    }

    #[tokio::test]
    async fn what_is_under_way_beside_a_session_holds_up_no_write_of_it() {
        let dir = tempfile::tempdir().expect("folder");
        let store = Store::open(dir.path(), Options::default()).expect("a store");
        let mut under_way = FuturesOrdered::new();
        for n in 0..4 * limits::STORE_COMMANDS as u64 {
            under_way.push_back(aside(write(&store, n)));
        }
        // They stand in the queue.
        let first = under_way.next().await;
        assert_eq!(first, Some(true));
        // And are not polled while the session writes itself.
        let own = tokio::time::timeout(Duration::from_secs(60), async {
            for n in 0..4 * limits::STORE_COMMANDS as u64 {
                assert!(write(&store, n).await);
            }
        });
        own.await.expect("the queue moves");
        assert!(under_way.all(|written| async move { written }).await);
    }
}
