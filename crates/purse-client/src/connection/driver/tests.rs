//! The driver without a server: what becomes of each command, byte by byte.

use std::io;
use std::net::TcpListener;
use std::pin::Pin;

use futures::task::noop_waker_ref;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

use super::read_write::Abandoning;
use super::*;
use crate::config::Target;
use crate::connection::handshake::{Endpoint, Purpose};
use crate::connection::queue::MAX_KEPT;
use crate::connection::queue_entry::{Delivered, RunReplies};
use crate::connection::stream::Stream;
use crate::connection::{Outcome, Settings};

type Replies = Vec<oneshot::Receiver<Result<Delivered, Failure>>>;

fn idle_driver(settings: Settings) -> Driver {
    let dialer = Dialer {
        settings: Arc::new(settings),
        endpoint: Endpoint::Target,
        purpose: Purpose::Commands,
    };
    Driver::new(
        SharedQueue::new(Arc::default(), false),
        dialer,
        ConnectionOptions::default(),
    )
}

/// A driver with commands of ten bytes in flight: the first `before` were written with an
/// earlier buffer, and of the buffer with the others, `written` bytes were written. The
/// deadline of each is over in `late`.
fn driver(before: usize, written: usize, late: &[bool]) -> (Driver, Replies) {
    let mut driver = idle_driver(Settings::for_tests());
    let now = Instant::now();
    let mut replies = Vec::new();
    for (number, is_late) in late.iter().enumerate() {
        let (to, reply) = oneshot::channel();
        replies.push(reply);
        driver.in_flight.push_back(QueueEntry {
            length: 10,
            number: number as u64,
            since: now - Duration::from_secs(1),
            deadline: match is_late {
                true => now - Duration::from_millis(1),
                false => now + Duration::from_secs(60),
            },
            skip: 0,
            skipped: 0,
            fail_fast: false,
            to: Recipient::One(to),
        });
    }
    for number in before..late.len() {
        driver.writing.extend([b'0' + number as u8; 10]);
    }
    driver.written = written;
    (driver, replies)
}

/// Returns what became of each command: `.` for nothing yet, `L` for late, `N` for not sent.
fn outcomes(replies: &mut Replies) -> String {
    let outcome = |reply: &mut oneshot::Receiver<_>| match reply.try_recv() {
        Ok(Err(Failure::Late)) => 'L',
        Ok(Err(Failure::NotSent(_))) => 'N',
        Ok(_) => '?',
        Err(_) => '.',
    };
    replies.iter_mut().map(outcome).collect()
}

#[test]
fn command_of_an_earlier_buffer_is_late_and_keeps_its_place() {
    let (mut driver, mut replies) = driver(2, 0, &[true, false, false, true]);
    assert!(driver.expire(Instant::now()).is_none());
    assert_eq!(outcomes(&mut replies), "L..N");
    assert_eq!(driver.writing, [b'2'; 10]);
    assert_eq!((driver.in_flight.len(), driver.late), (3, 1));
}

#[test]
fn unwritten_command_is_not_sent_and_leaves_the_others_whole() {
    let (mut driver, mut replies) = driver(1, 10, &[false, true, true, false, true, false]);
    assert!(driver.expire(Instant::now()).is_none());
    assert_eq!(outcomes(&mut replies), ".LN.N.");
    assert_eq!(
        driver.writing,
        [[b'1'; 10], [b'3'; 10], [b'5'; 10]].concat()
    );
    assert_eq!((driver.in_flight.len(), driver.late), (4, 1));
}

#[test]
fn command_cut_by_its_deadline_ends_the_connection() {
    let (mut driver, mut replies) = driver(1, 15, &[false, false, true, false]);
    let cause = driver.expire(Instant::now()).expect("the connection ends");
    assert_eq!(cause.kind(), ErrorKind::Timeout);
    assert_eq!(outcomes(&mut replies), "..N.");
}

#[test]
fn command_that_was_answered_keeps_its_place_in_the_buffer() {
    let (mut driver, mut replies) = driver(0, 15, &[false, false, true, false]);
    driver.in_flight.pop_front();
    assert!(driver.expire(Instant::now()).is_none());
    assert_eq!(outcomes(&mut replies), "..N.");
    assert_eq!(
        driver.writing,
        [[b'0'; 10], [b'1'; 10], [b'3'; 10]].concat()
    );
}

#[test]
fn run_cut_by_its_deadline_reports_each_command() {
    let (mut driver, _) = driver(0, 15, &[true]);
    let (to, mut outcomes) = oneshot::channel();
    driver.in_flight[0].length = 30;
    driver.in_flight[0].to = Recipient::Run(Box::new(RunReplies {
        outcomes: Vec::new(),
        lengths: vec![10, 10, 10],
        to,
    }));
    driver.writing = vec![b'0'; 30];
    assert!(driver.expire(Instant::now()).is_some());
    let outcomes: Vec<Outcome> = outcomes.try_recv().expect("three outcomes");
    assert!(
        matches!(
            outcomes[..],
            [
                Err(Failure::Late),
                Err(Failure::NotSent(_)),
                Err(Failure::NotSent(_))
            ]
        ),
        "{outcomes:?}"
    );
}

#[test]
fn command_that_the_tls_layer_may_keep_ends_the_connection() {
    let (mut driver, mut replies) = driver(0, 10, &[false, true, false]);
    driver.may_be_held = 10;
    assert!(driver.expire(Instant::now()).is_some());
    assert_eq!(outcomes(&mut replies), ".N.");
}

#[test]
fn command_that_is_sent_again_skips_the_same_replies() {
    let (mut driver, _replies) = driver(0, 5, &[false]);
    driver.in_flight[0].skip = 1;
    let skipped = Ok(crate::resp::Value::Nil);
    assert!(!driver.in_flight[0].deliver(skipped, 1));
    driver.tear_down(Some(Error::new(ErrorKind::NotSent, "broken")));
    let mut entry = driver.shared.lock().waiting.pop().expect("it is kept");
    assert!(!entry.deliver(Ok(crate::resp::Value::Nil), 2));
    assert!(entry.deliver(Ok(crate::resp::Value::Nil), 2));
}

#[test]
fn deadline_that_is_over_is_noticed_before_anything_is_written() {
    let (mut driver, mut replies) = driver(0, 0, &[true]);
    driver.shared.lock().check_at = Some(Instant::now());
    let mut cx = Context::from_waker(noop_waker_ref());
    assert!(driver.poll_deadlines(&mut cx).is_none());
    assert_eq!(outcomes(&mut replies), "N");
    assert!(driver.writing.is_empty());
}

#[tokio::test]
async fn bell_that_finds_nothing_can_ring_again() {
    let driver = idle_driver(Settings::for_tests());
    let bell = tokio::spawn(ring(driver.bell.clone(), Arc::downgrade(&driver.shared)));
    for _ in 0..2 {
        driver.shared.lock().is_ringing = true;
        driver.bell.notify_one();
        while driver.shared.lock().is_ringing {
            tokio::task::yield_now().await;
        }
    }
    bell.abort();
}

/// Two ends of a connection on this machine.
async fn socket_pair() -> (TcpStream, TcpStream) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a free port");
    let address = listener.local_addr().expect("an address");
    let (near, far) = tokio::join!(TcpStream::connect(address), listener.accept());
    (near.expect("a socket"), far.expect("a socket").0)
}

#[tokio::test]
async fn abandoned_socket_is_reset() {
    let (near, mut far) = socket_pair().await;
    drop(Abandoning(Some(Stream::Tcp(near))));
    let error = far.read(&mut [0]).await.expect_err("a reset");
    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn buffer_of_a_large_reply_is_released() {
    let (near, mut far) = socket_pair().await;
    let (mut driver, mut replies) = driver(1, 0, &[false]);
    let large = 3 * MAX_KEPT;
    tokio::spawn(async move {
        let reply = [
            format!("${large}\r\n").as_bytes(),
            &vec![b'x'; large],
            b"\r\n",
        ]
        .concat();
        far.write_all(&reply).await.expect("a write");
        // Until the test ends.
        let _ = far.read(&mut [0]).await;
    });
    let mut near = Stream::Tcp(near);
    let reply = poll_fn(|cx| match driver.poll_read(&mut near, cx) {
        Poll::Ready(error) => panic!("{error}"),
        Poll::Pending => Pin::new(&mut replies[0]).poll(cx),
    });
    let reply = reply.await.expect("a reply").expect("a value");
    drop(reply);
    assert!(
        driver.read.capacity() <= MAX_KEPT,
        "{}",
        driver.read.capacity()
    );
}

#[tokio::test]
async fn replies_that_came_before_a_write_failed_are_delivered() {
    let (near, mut far) = socket_pair().await;
    let (mut driver, mut replies) = driver(1, 0, &[false]);
    far.write_all(b"+OK\r\n").await.expect("a write");
    near.readable().await.expect("a reply");
    let mut near = Stream::Tcp(near);
    let error = poll_fn(|cx| {
        let error = io::ErrorKind::BrokenPipe.into();
        Poll::Ready(driver.handle_write_error(&mut near, cx, error))
    });
    assert_eq!(error.await.kind(), ErrorKind::NotSent);
    assert!(matches!(replies[0].try_recv(), Ok(Ok(_))));
}

#[tokio::test]
async fn reset_order_restarts_a_connection_being_opened() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    let mut settings = Settings::for_tests();
    settings.target = Target::from_url(&format!("redis://{address}"), None).expect("a URL");
    settings.connect_timeout = Duration::from_secs(60);
    let mut driver = idle_driver(settings);
    let shared = driver.shared.clone();
    let opening = tokio::spawn(async move { driver.open().await.is_ok() });
    let accepted = tokio::task::spawn_blocking(move || {
        // A server that never answers.
        let first = listener.accept().expect("the first attempt");
        shared.request_driver(DriverRequest::Reset);
        let second = listener.accept().expect("the second attempt");
        shared.request_driver(DriverRequest::Finish);
        (first, second)
    });
    let accepted = accepted.await.expect("two attempts");
    assert!(!opening.await.expect("no panic"));
    drop(accepted);
}

#[test]
fn finish_order_outlives_reset_order() {
    let driver = idle_driver(Settings::for_tests());
    driver.shared.request_driver(DriverRequest::Finish);
    driver.shared.request_driver(DriverRequest::Reset);
    assert_eq!(driver.shared.lock().request, DriverRequest::Finish);
}

#[cfg(feature = "tls-rustls-ring")]
mod tls {
    use std::mem;

    use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

    use super::*;
    use crate::config::tls::{Encrypted, TlsStream};
    use crate::connection::queue::CommandTiming;

    /// A TLS library that accepts all bytes, and moves them to the socket when it is asked to flush
    /// for the second time.
    struct Buffering {
        socket: TcpStream,
        accepted: Vec<u8>,
        has_stalled: bool,
    }

    impl Encrypted for Buffering {
        fn tcp(&self) -> &TcpStream {
            &self.socket
        }
    }

    impl AsyncRead for Buffering {
        fn poll_read(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            buf: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            Pin::new(&mut self.socket).poll_read(cx, buf)
        }
    }

    impl AsyncWrite for Buffering {
        fn poll_write(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            buf: &[u8],
        ) -> Poll<io::Result<usize>> {
            self.accepted.extend_from_slice(buf);
            Poll::Ready(Ok(buf.len()))
        }

        fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            if !mem::replace(&mut self.has_stalled, true) {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            let accepted = mem::take(&mut self.accepted);
            let written = self.socket.try_write(&accepted)?;
            assert_eq!(written, accepted.len(), "the socket takes a few bytes");
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[tokio::test]
    async fn flush_that_was_pending_is_polled_again() {
        let (near, mut far) = socket_pair().await;
        let mut driver = idle_driver(Settings::for_tests());
        let shared = driver.shared.clone();
        shared.lock().is_up = true;
        let now = Instant::now();
        let timing = CommandTiming {
            since: now,
            deadline: now + Duration::from_secs(60),
            fail_fast: false,
        };
        let put = shared.put_one(timing, 0, |out, _, _| out.extend_from_slice(b"PING\r\n"));
        put.expect("a connection");
        shared.lock().is_due = true;
        let stream = Stream::Tls(Box::new(TlsStream::new(Buffering {
            socket: near,
            accepted: Vec::new(),
            has_stalled: false,
        })));
        let mut request = [0; 6];
        tokio::select! {
            _ = driver.converse(stream) => panic!("the connection ended"),
            read = far.read_exact(&mut request) => read.map(drop).expect("the request"),
        }
        assert_eq!(&request, b"PING\r\n");
    }
}
