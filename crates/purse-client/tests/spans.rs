//! The spans that operations have for `tracing`.

mod support;

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use purse_client::{Command, Reply};
use purse_testkit::Server;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use support::client;
use support::queue::pop;

/// Keeps the spans of purse-client, at the levels up to its own.
#[derive(Clone)]
struct Recorder {
    level: Level,
    next: Arc<AtomicU64>,
    spans: Arc<Mutex<Vec<String>>>,
}

impl Recorder {
    fn new(level: Level) -> Self {
        Self {
            level,
            next: Arc::new(AtomicU64::new(1)),
            spans: Arc::default(),
        }
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.spans.lock().expect("no panic"))
    }
}

/// The fields of a span in one line.
struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.push_str(&format!(" {field}={value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.push_str(&format!(" {field}={value}"));
    }
}

impl Subscriber for Recorder {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "purse_client" && *metadata.level() <= self.level
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut line = Line(span.metadata().name().to_owned());
        span.record(&mut line);
        self.spans.lock().expect("no panic").push(line.0);
        Id::from_u64(self.next.fetch_add(1, Ordering::Relaxed))
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, _: &Event<'_>) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

#[tokio::test]
async fn each_operation_has_one_span_at_trace_and_none_below() {
    let server = Server::start().expect("a server");
    let client = client(&server).await;
    let name = client.server().to_owned();
    for level in [Level::TRACE, Level::DEBUG] {
        let recorder = Recorder::new(level);
        let _guard = tracing::subscriber::set_default(recorder.clone());
        let spans_of = |command: &str| match level {
            Level::TRACE => vec![format!("operation command={command} server={name}")],
            _ => Vec::new(),
        };
        client
            .run(Command::read("GET").key("k"))
            .await
            .expect("GET");
        assert_eq!(recorder.take(), spans_of("GET"));
        let set = Command::write("SET").key("k").arg("v");
        client.op(set, Reply::into_bytes).await.expect("SET");
        assert_eq!(recorder.take(), spans_of("SET"));
        let delivery = client.take(&pop()).await.expect("no failure");
        assert!(delivery.is_none());
        let spans = recorder.take();
        assert_eq!(
            spans.iter().any(|span| span.contains("RPOP")),
            level == Level::TRACE
        );
        let mut batch = client.batch();
        let pending = batch.add(client.op(Command::write("INCR").key("n"), Reply::into_int));
        batch.send().await.expect("a batch");
        pending.take().expect("INCR");
        let batch = match level {
            Level::TRACE => vec![format!("operation command=batch server={name}")],
            _ => Vec::new(),
        };
        assert_eq!(recorder.take(), batch);
    }
}
