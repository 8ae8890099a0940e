//! Parcels that do not count any more: nothing but their number says so to whom they are for.

use liaison_tests::federation::ACCEPT;
use liaison_tests::raw_hub::Dealt;
use liaison_tests::sealed;

use crate::first::trend;
use crate::malice::Site;

/// No retraction and no recall goes ahead of this one: under the policy of now the addressee never
/// had the record.
#[tokio::test(flavor = "multi_thread")]
async fn e13_what_a_narrower_policy_took_out_of_a_mailbox_is_refused_when_the_hub_brings_it() {
    let site = Site::new().await;
    let a = site.a().agency;
    let mut from_a = site.mailbox("a").await;
    let goes = site.a().push(&trend("Goes"), &[]).await;
    let (first, withdrawn) = from_a.deposited().await;
    site.a().policy(ACCEPT).await;
    let (second, new) = from_a.deposited().await;
    from_a.discards(first.id).await;

    // It kept what it said that it discarded.
    let mut to_b = site.mailbox("b").await;
    to_b.collects().await;
    assert_eq!(to_b.hand(second.id, a, new.bytes()).await, Dealt::Done);
    let dealt = to_b.hand(first.id, a, withdrawn.bytes()).await;
    assert_eq!(dealt, Dealt::Done);
    assert!(!site.b().holds().contains(&goes));
    assert!(!sealed::has_bytes(site.b(), &goes));
    let mut site = site;
    site.federation.stop().await;
}
