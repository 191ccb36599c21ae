//! What a subscriber sees.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use purse_testkit::Masters;

use crate::testing::{Behaviour, Rig, ms};
use crate::{AutoExtend, Redlock};

/// Keeps the fields of the spans it meets, and the events.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Kept>>);

#[derive(Default)]
struct Kept {
    spans: Vec<BTreeMap<&'static str, String>>,
    events: Vec<String>,
}

struct Fields<'a>(&'a mut BTreeMap<&'static str, String>);

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }
}

impl Subscriber for Notes {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "purse_redlock"
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut fields = BTreeMap::from([("name", span.metadata().name().to_owned())]);
        span.record(&mut Fields(&mut fields));
        let mut kept = self.0.lock().unwrap();
        kept.spans.push(fields);
        Id::from_u64(kept.spans.len() as u64)
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        let index = usize::try_from(span.into_u64()).unwrap() - 1;
        values.record(&mut Fields(&mut self.0.lock().unwrap().spans[index]));
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut fields = BTreeMap::new();
        event.record(&mut Fields(&mut fields));
        self.0.lock().unwrap().events.push(format!("{fields:?}"));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

impl Notes {
    /// Waits until the events contain these texts, in this order.
    async fn wait_for(&self, texts: &[&str]) {
        let contains_all = || {
            let kept = self.0.lock().unwrap();
            let mut events = kept.events.iter();
            texts
                .iter()
                .all(|text| events.any(|event| event.contains(text)))
        };
        let found = tokio::time::timeout(ms(20_000), async {
            while !contains_all() {
                tokio::time::sleep(ms(10)).await;
            }
        });
        let found = found.await;
        assert!(found.is_ok(), "{:?}", self.0.lock().unwrap().events);
    }
}

fn number(fields: &BTreeMap<&'static str, String>, name: &str) -> f64 {
    fields[name].parse().unwrap()
}

#[tokio::test(start_paused = true)]
async fn lock_span_records_outcome() {
    let notes = Notes::default();
    let _subscribed = tracing::subscriber::set_default(notes.clone());
    let rig = Rig::new(3);
    rig.masters[1].hold("another", ms(60_000));
    rig.masters[2].hold("a third", ms(60_000));
    let mutex = rig.redlock.mutex("key");
    let (locked, ()) = tokio::join!(mutex.lock(), async {
        tokio::time::sleep(ms(300)).await;
        rig.masters.iter().for_each(|master| master.free("key"));
    });
    let tokens = rig.masters[0].tokens();
    assert!(mutex.try_lock().await.is_err());
    drop(tokio::time::timeout(ms(5), mutex.lock()).await);
    drop(locked.unwrap());

    let kept = notes.0.lock().unwrap();
    let [locked, failed, given_up] = &kept.spans[..] else {
        panic!("{:?}", kept.spans);
    };
    assert!(kept.spans.iter().all(|span| span["name"] == "redlock.lock"));
    assert!(locked["key"].contains("key"));
    assert_eq!(locked["votes"], "2");
    assert!(number(locked, "attempts") >= 2.0);
    let (wait, validity) = (number(locked, "wait"), number(locked, "validity"));
    assert!((0.3..0.4).contains(&wait), "{wait}");
    assert!((0.9..1.0).contains(&validity), "{validity}");
    assert_eq!([&failed["attempts"], &failed["votes"]], ["1", "0"]);
    assert!(!failed.contains_key("validity") && failed.contains_key("wait"));
    assert!(given_up.contains_key("wait"), "{given_up:?}");
    assert!(kept.events.iter().any(|event| event.contains("split vote")));

    let all = format!("{:?} {:?}", kept.spans, kept.events);
    for token in tokens {
        let token = String::from_utf8(token.to_vec()).unwrap();
        assert!(!all.contains(&token[..8]), "{all}");
    }
}

#[tokio::test(start_paused = true)]
async fn extensions_and_losses_are_logged() {
    let notes = Notes::default();
    let _subscribed = tracing::subscriber::set_default(notes.clone());
    let rig = Rig::new(3);
    let mutex = rig.redlock.mutex("key").auto_extend(AutoExtend::new());
    let guard = mutex.lock().await.unwrap();
    let tokens = rig.masters[0].tokens();
    notes.wait_for(&["a lock was extended"]).await;
    rig.behave(&[Behaviour::Down; 3]);
    guard.lost().await;
    let expected = [
        "a lock was extended",
        "failed to extend a lock",
        "a lock was lost",
    ];
    notes.wait_for(&expected).await;
    let kept = notes.0.lock().unwrap();
    assert!(kept.events.iter().all(|event| event.contains("key")));
    for token in tokens {
        let token = String::from_utf8(token.to_vec()).unwrap();
        assert!(!format!("{:?}", kept.events).contains(&token[..8]));
    }
}

#[tokio::test]
async fn quarantine_logs_begin_and_end() {
    let notes = Notes::default();
    let _subscribed = tracing::subscriber::set_default(notes.clone());
    let masters = Masters::start(3).unwrap();
    let redlock = Redlock::builder(masters.urls()).ttl(ms(2_000)).build();
    let redlock = redlock.await.unwrap();
    masters[1].kill().unwrap();
    masters[1].restart().unwrap();
    notes
        .wait_for(&["it is in quarantine", "quarantine of a master is over"])
        .await;
    redlock.shutdown().await;
    let port = format!(":{}", masters[1].port());
    let kept = notes.0.lock().unwrap();
    let found: Vec<_> = kept
        .events
        .iter()
        .filter(|event| event.contains("quarantine"))
        .collect();
    assert!(found.iter().all(|event| event.contains(&port)), "{found:?}");
}
