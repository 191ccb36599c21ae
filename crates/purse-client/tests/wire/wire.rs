//! A client that reaches its server through a proxy, and the effects of its commands.

use std::collections::BTreeMap;
use std::time::Duration;

use purse_client::{Client, Command, Error, ErrorKind, Reply};
use purse_testkit::{Proxy, Server};

use crate::support::{SOON, get, until};

/// The place at which the proxy cuts the connection.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Cut {
    /// After this number of bytes of the request.
    Request(u64),
    /// After this number of bytes of the reply.
    Reply(u64),
}

/// Returns a cut at every byte of a request and of a reply.
pub(crate) fn every_byte((request, reply): (u64, u64)) -> impl Iterator<Item = Cut> {
    let requests = (0..=request).map(Cut::Request);
    requests.chain((1..=reply).map(Cut::Reply))
}

/// A server, a proxy in front of it, and a client of the proxy.
pub(crate) struct Wire {
    pub(crate) server: Server,
    pub(crate) proxy: Proxy,
    pub(crate) client: Client,
    /// The values of the counters when the results of their commands were known.
    counts: BTreeMap<String, i64>,
}

impl Wire {
    pub(crate) async fn start() -> Self {
        Self::start_with(SOON).await
    }

    pub(crate) async fn start_with(command_timeout: Duration) -> Self {
        let server = Server::start().expect("a server");
        let proxy = Proxy::to(&server).expect("a proxy");
        let client = connect(&proxy, command_timeout).await;
        Self {
            server,
            proxy,
            client,
            counts: BTreeMap::new(),
        }
    }

    /// Replaces the client by a new one.
    pub(crate) async fn reconnect(&mut self) {
        self.client = connect(&self.proxy, SOON).await;
    }

    /// Waits until a command has a reply.
    pub(crate) async fn wait_working(&self) {
        until("the client works", async || {
            self.client.run(Command::read("PING")).await.is_ok()
        })
        .await;
    }

    /// Runs `work`, which is cut; returns its output once the cut took place and the client works
    /// again.
    pub(crate) async fn cut<T>(&self, cut: Cut, work: impl Future<Output = T>) -> T {
        let before = self.proxy.accepted_count();
        match cut {
            Cut::Request(count) => self.proxy.cut_after_request_bytes(count),
            Cut::Reply(count) => self.proxy.cut_after_reply_bytes(count),
        }
        let output = work.await;
        until("the connection was cut and made again", async || {
            self.proxy.accepted_count() > before
        })
        .await;
        self.wait_working().await;
        output
    }

    /// Returns the numbers of bytes of the requests and of the replies of `work`.
    pub(crate) async fn lengths<T>(&self, work: impl Future<Output = T>) -> ((u64, u64), T) {
        let before = (self.proxy.request_bytes(), self.proxy.reply_bytes());
        let output = work.await;
        let after = (self.proxy.request_bytes(), self.proxy.reply_bytes());
        ((after.0 - before.0, after.1 - before.1), output)
    }

    /// Checks that the counter at `key` was incremented as the result of its only command says.
    pub(crate) fn check(&mut self, key: &str, result: Result<(), &Error>, context: &str) -> i64 {
        let count = count(&self.server, key);
        check(count, result, context);
        self.counts.insert(key.to_owned(), count);
        count
    }

    /// Checks counters as [`Wire::check`] does; returns their values.
    pub(crate) fn check_all<T>(
        &mut self,
        keys: &[String],
        results: &[Result<T, Error>],
        context: &str,
    ) -> Vec<i64> {
        let counts = counts(&self.server, keys);
        for ((key, &count), result) in keys.iter().zip(&counts).zip(results) {
            check(count, without_value(result), context);
            self.counts.insert(key.clone(), count);
        }
        counts
    }

    /// Checks that nothing ran after its result was known.
    pub(crate) fn check_nothing_ran_later(&self) {
        let keys: Vec<_> = self.counts.keys().cloned().collect();
        let now = counts(&self.server, &keys);
        for ((key, before), now) in self.counts.iter().zip(now) {
            assert_eq!(now, *before, "{key} ran later");
        }
    }
}

fn check(count: i64, result: Result<(), &Error>, context: &str) {
    let is_exact = match result.map_err(Error::kind) {
        Ok(()) => count == 1,
        Err(ErrorKind::NotSent) => count == 0,
        Err(ErrorKind::Ambiguous) => count <= 1,
        Err(_) => false,
    };
    assert!(is_exact, "{context}: ran {count} times: {result:?}");
}

async fn connect(proxy: &Proxy, command_timeout: Duration) -> Client {
    let client = Client::builder(&proxy.url()).command_timeout(command_timeout);
    client.connect().await.expect("through the proxy")
}

/// Returns the value of a counter.
pub(crate) fn count(server: &Server, key: &str) -> i64 {
    get(server, key).map_or(0, |count| count.parse().expect("a number"))
}

/// Returns the values of counters.
pub(crate) fn counts(server: &Server, keys: &[String]) -> Vec<i64> {
    let mget = ["MGET"].into_iter().chain(keys.iter().map(String::as_str));
    let reply = server.command(&mget.collect::<Vec<_>>()).expect("MGET");
    let number =
        |item: &purse_testkit::Reply| item.text().map_or(0, |n| n.parse().expect("a number"));
    reply.items().iter().map(number).collect()
}

/// Returns a key whose length is the same for all numbers.
pub(crate) fn key(number: usize) -> String {
    format!("key:{number:06}")
}

/// Returns a result without its value.
pub(crate) fn without_value<T>(result: &Result<T, Error>) -> Result<(), &Error> {
    result.as_ref().map(drop)
}

/// Returns a reply as text.
pub(crate) fn text(reply: Reply) -> String {
    String::from_utf8(reply.into_bytes().expect("bytes").to_vec()).expect("text")
}
