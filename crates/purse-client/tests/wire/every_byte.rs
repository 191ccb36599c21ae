//! A connection that is cut at every byte of a command.

use purse_client::{Command, Error, ErrorKind, Script};

use crate::wire::{Cut, Wire, every_byte, key, text, without_value};

static COUNT: Script = Script::write("COUNT", "return redis.call('INCR', KEYS[1])");

/// Checks the result of the increment `number`, which was cut.
fn check<T>(
    wire: &mut Wire,
    cut: Cut,
    lengths: (u64, u64),
    number: usize,
    result: &Result<T, Error>,
) {
    let context = format!("{cut:?} of {lengths:?}");
    let ran = wire.check(&key(number), without_value(result), &context);
    let kind = result.as_ref().err().map(Error::kind);
    match cut {
        Cut::Request(count) if count > 0 && count < lengths.0 => {
            assert_eq!((kind, ran), (Some(ErrorKind::Ambiguous), 0), "{context}");
        }
        // The cut may be noticed before the command is sent, or close the connection before its
        // reply.
        Cut::Request(_) => assert!(
            matches!(kind, None | Some(ErrorKind::Ambiguous)),
            "{context}: {kind:?}"
        ),
        Cut::Reply(count) => {
            let expected = (count < lengths.1).then_some(ErrorKind::Ambiguous);
            assert_eq!((kind, ran), (expected, 1), "{context}");
        }
    }
}

#[tokio::test]
async fn read_cut_at_every_byte_succeeds() {
    let wire = Wire::start().await;
    wire.server.command(&["SET", "k", "a value"]).expect("SET");
    let get = || wire.client.run(Command::read("GET").key("k"));
    wire.wait_working().await;
    let (lengths, _) = wire.lengths(get()).await;
    for cut in every_byte(lengths) {
        let reply = wire.cut(cut, get()).await;
        assert_eq!(text(reply.expect("a read")), "a value", "{cut:?}");
    }
}

#[tokio::test]
async fn write_cut_at_every_byte_runs_as_its_result_says() {
    let mut wire = Wire::start().await;
    let incr = |number| Command::write("INCR").key(key(number));
    let (lengths, _) = wire.lengths(wire.client.run(incr(999_999))).await;
    for (number, cut) in every_byte(lengths).enumerate() {
        let result = wire.cut(cut, wire.client.run(incr(number))).await;
        check(&mut wire, cut, lengths, number, &result);
    }
    wire.check_nothing_ran_later();
}

#[tokio::test]
async fn known_script_cut_at_every_byte_runs_as_its_result_says() {
    let mut wire = Wire::start().await;
    let script = |number| Command::script(&COUNT).key(key(number));
    wire.client.run(script(999_999)).await.expect("EVAL");
    wire.proxy.forget_requests();
    let (lengths, _) = wire.lengths(wire.client.run(script(999_999))).await;
    assert!(is_in(b"EVALSHA", &wire.proxy.requests()));
    for (number, cut) in every_byte(lengths).enumerate() {
        wire.client.run(script(999_999)).await.expect("known");
        let result = wire.cut(cut, wire.client.run(script(number))).await;
        check(&mut wire, cut, lengths, number, &result);
    }
    wire.check_nothing_ran_later();
}

#[tokio::test]
async fn new_script_cut_at_every_byte_runs_as_its_result_says() {
    let mut wire = Wire::start().await;
    let script = |number| Command::script(&COUNT).key(key(number));
    wire.proxy.forget_requests();
    let (lengths, _) = wire.lengths(wire.client.run(script(999_999))).await;
    assert!(is_in(b"EVAL\r\n", &wire.proxy.requests()));
    for (number, cut) in every_byte(lengths).enumerate() {
        wire.reconnect().await;
        let result = wire.cut(cut, wire.client.run(script(number))).await;
        check(&mut wire, cut, lengths, number, &result);
    }
    wire.check_nothing_ran_later();
}

fn is_in(words: &[u8], bytes: &[u8]) -> bool {
    bytes.windows(words.len()).any(|window| window == words)
}
