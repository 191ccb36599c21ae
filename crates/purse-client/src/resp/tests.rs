use bytes::{Bytes, BytesMut};
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

type Outcome = (Vec<Frame>, Result<usize, Malformed>);

/// Parses pieces as they arrive, and returns the frames and the number of bytes that are left.
fn parse<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Outcome {
    let (mut read, mut parser, mut frames) = (BytesMut::new(), Parser::default(), Vec::new());
    for piece in pieces {
        read.extend_from_slice(piece);
        loop {
            match parser.next(&mut read) {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(error) => return (frames, Err(error)),
            }
        }
    }
    (frames, Ok(read.len()))
}

/// Parses bytes that are exactly one frame.
fn frame(bytes: &[u8]) -> Frame {
    let (mut frames, left) = parse([bytes]);
    assert_eq!((frames.len(), left), (1, Ok(0)), "{}", bytes.escape_ascii());
    frames.remove(0)
}

fn error(bytes: &[u8]) -> String {
    match parse([bytes]) {
        (_, Err(error)) => error.to_string(),
        outcome => panic!("{} gives {outcome:?}", bytes.escape_ascii()),
    }
}

fn bulk(text: &'static str) -> Value {
    Value::Bytes(Bytes::from_static(text.as_bytes()))
}

fn status(text: &'static str) -> Value {
    Value::Status(Bytes::from_static(text.as_bytes()))
}

#[test]
fn replies_of_every_type_are_decoded() {
    let table: &[(&str, Value)] = &[
        ("+OK\r\n", status("OK")),
        ("+\r\n", status("")),
        ("+a\nb\r\n", status("a\nb")),
        (":0\r\n", Value::Int(0)),
        (":+5\r\n", Value::Int(5)),
        (":-12\r\n", Value::Int(-12)),
        (":9223372036854775807\r\n", Value::Int(i64::MAX)),
        (":-9223372036854775808\r\n", Value::Int(i64::MIN)),
        ("$0\r\n\r\n", bulk("")),
        ("$3\r\na\rb\r\n", bulk("a\rb")),
        ("$4\r\n\r\n\r\n\r\n", bulk("\r\n\r\n")),
        ("$-1\r\n", Value::Nil),
        ("*-1\r\n", Value::Nil),
        ("_\r\n", Value::Nil),
        ("#t\r\n", Value::Bool(true)),
        ("#f\r\n", Value::Bool(false)),
        (",1.5\r\n", Value::Double(1.5)),
        (",10\r\n", Value::Double(10.0)),
        (",-1e-7\r\n", Value::Double(-1e-7)),
        (",inf\r\n", Value::Double(f64::INFINITY)),
        (",-inf\r\n", Value::Double(f64::NEG_INFINITY)),
        ("(-349288952375078\r\n", status("-349288952375078")),
        ("=8\r\ntxt:text\r\n", bulk("text")),
        ("=4\r\nmkd:\r\n", bulk("")),
        ("*0\r\n", Value::List(vec![])),
        (
            "~2\r\n:1\r\n:2\r\n",
            Value::List(vec![Value::Int(1), Value::Int(2)]),
        ),
        (
            "%1\r\n+a\r\n:1\r\n",
            Value::List(vec![status("a"), Value::Int(1)]),
        ),
        (
            "*3\r\n*2\r\n$1\r\na\r\n*-1\r\n-ERR no\r\n$-1\r\n",
            Value::List(vec![
                Value::List(vec![bulk("a"), Value::Nil]),
                Value::Error(Bytes::from_static(b"ERR no")),
                Value::Nil,
            ]),
        ),
        ("|1\r\n+ttl\r\n:3600\r\n:7\r\n", Value::Int(7)),
        (
            "|0\r\n|1\r\n+a\r\n|1\r\n+b\r\n*1\r\n_\r\n:1\r\n:7\r\n",
            Value::Int(7),
        ),
        (
            "*2\r\n|1\r\n+a\r\n:1\r\n:7\r\n:8\r\n",
            Value::List(vec![Value::Int(7), Value::Int(8)]),
        ),
    ];
    for (bytes, value) in table {
        assert_eq!(
            frame(bytes.as_bytes()),
            Frame::Reply(value.clone()),
            "{bytes:?}"
        );
    }
}

#[test]
fn not_a_number_is_decoded() {
    for bytes in [",nan\r\n", ",-nan\r\n"] {
        let decoded = frame(bytes.as_bytes());
        assert!(
            matches!(decoded, Frame::Reply(Value::Double(n)) if n.is_nan()),
            "{bytes:?}"
        );
    }
}

#[test]
fn top_level_error_is_an_error_frame() {
    for bytes in [
        "-ERR no\r\n",
        "!6\r\nERR no\r\n",
        "|1\r\n+a\r\n:1\r\n-ERR no\r\n",
    ] {
        assert_eq!(
            frame(bytes.as_bytes()),
            Frame::Error(Bytes::from_static(b"ERR no"))
        );
    }
}

#[test]
fn push_between_replies_is_a_push_frame() {
    let push = || Frame::Push(vec![bulk("invalidate"), Value::List(vec![bulk("k")])]);
    let bytes = b">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\nk\r\n";
    assert_eq!(frame(bytes), push());
    let attributed = [b"|1\r\n+a\r\n:1\r\n", &bytes[..]].concat();
    assert_eq!(frame(&attributed), push());
    let both = [b":1\r\n", &bytes[..], b":2\r\n"].concat();
    let replies = [
        Frame::Reply(Value::Int(1)),
        push(),
        Frame::Reply(Value::Int(2)),
    ];
    assert_eq!(parse([&both[..]]), (replies.into(), Ok(0)));
}

#[test]
fn malformed_bytes_are_refused_with_a_reason() {
    for (bytes, reason) in [
        ("HTTP/1.1 400", "not a RESP reply (starts with 'H')"),
        ("*1\r\n\0", "not a RESP reply (starts with '\\x00')"),
        ("$?\r\n", "streamed types are not supported"),
        ("*?\r\n", "streamed types are not supported"),
        (";4\r\n", "streamed types are not supported"),
        (".\r\n", "streamed types are not supported"),
        ("$x", "a length is not a number"),
        ("$\r\n", "a length is not a number"),
        ("*+1\r\n", "a length is not a number"),
        ("$-2\r\n", "a negative length"),
        ("*--1\r\n", "a negative length"),
        ("*-12\r\n", "a line does not end with CR LF"),
        ("%-1\r\n", "a negative length"),
        (">-1\r\n", "a negative length"),
        ("$1 \r\n", "a line does not end with CR LF"),
        ("$1\n", "a line does not end with CR LF"),
        ("$1\rx", "a line does not end with CR LF"),
        ("+a\rb\r\n", "a line does not end with CR LF"),
        ("$1\r\nabc", "a string does not end with CR LF"),
        ("$1\r\na\r\r", "a string does not end with CR LF"),
        ("$00000000001", "a length exceeds 4294967295"),
        ("$4294967296", "a length exceeds 4294967295"),
        ("*9223372036854775807\r\n", "a length exceeds 4294967295"),
        ("%9999999999999999999999\r\n", "a length exceeds 4294967295"),
        (":\r\n", "not a 64-bit integer"),
        (":-\r\n", "not a 64-bit integer"),
        (":1x\r\n", "not a 64-bit integer"),
        (":9223372036854775808\r\n", "not a 64-bit integer"),
        (":-9223372036854775809\r\n", "not a 64-bit integer"),
        ("*1\r\n:x\r\n", "not a 64-bit integer"),
        ("_x\r\n", "not a null"),
        ("#x\r\n", "not a boolean"),
        (",x\r\n", "not a double"),
        (",\r\n", "not a double"),
        ("(1.5\r\n", "not a big number"),
        ("(\r\n", "not a big number"),
        ("=3\r\ntxt\r\n", "a verbatim string without a format"),
        ("*2\r\n:1\r\n>1\r\n", "a push inside another reply"),
    ] {
        assert_eq!(error(bytes.as_bytes()), reason, "{bytes:?}");
    }
}

#[test]
fn long_announcement_stays_pending_without_allocation() {
    for head in [
        "$1000000000",
        "$4294967295",
        "*1000000000",
        "*4294967295",
        "%4294967295",
    ] {
        let mut read = BytesMut::from(format!("{head}\r\n").as_bytes());
        let mut parser = Parser::default();
        assert_eq!(parser.next(&mut read), Ok(None), "{head}");
        read.extend_from_slice(b"$6\r\nabcdef");
        assert_eq!(parser.next(&mut read), Ok(None), "{head}");
        assert!(read.capacity() < 1 << 10, "{head}");
    }
}

#[test]
fn nesting_up_to_64_is_decoded() {
    for header in ["*1\r\n", "~1\r\n", "%1\r\n:0\r\n"] {
        let nested = |depth| [header.repeat(depth).as_bytes(), b":1\r\n"].concat();
        frame(&nested(64));
        assert_eq!(error(&nested(65)), "nesting deeper than 64");
    }
}

#[test]
fn hostile_nesting_is_refused_early() {
    for header in ["*1\r\n", "*2\r\n:1\r\n", "%1\r\n", "|1\r\n"] {
        let bytes = header.repeat(200_000);
        assert_eq!(error(bytes.as_bytes()), "nesting deeper than 64");
        let (_, outcome) = parse(bytes.as_bytes()[..65 * header.len()].chunks(1));
        assert!(
            outcome.is_err(),
            "{header:?} is refused before the rest arrives"
        );
    }
}

#[test]
fn long_chain_of_attributes_is_skipped() {
    for attribute in ["|0\r\n", "|1\r\n:1\r\n:2\r\n"] {
        let bytes = attribute.repeat(200_000) + ":7\r\n";
        assert_eq!(frame(bytes.as_bytes()), Frame::Reply(Value::Int(7)));
    }
}

#[test]
fn large_replies_in_small_pieces_take_linear_time() {
    let line = ["+", &"x".repeat(1 << 20), "\r\n"].concat();
    let bulk = ["$1048576\r\n", &"x".repeat(1 << 20), "\r\n"].concat();
    let array = ["*262144\r\n", &":1\r\n".repeat(1 << 18)].concat();
    // Quadratic time would be minutes.
    for bytes in [line, bulk, array] {
        let (frames, left) = parse(bytes.as_bytes().chunks(1));
        assert_eq!((frames.len(), left), (1, Ok(0)));
    }
}

#[test]
fn large_string_is_not_copied_and_small_one_is() {
    for (length, is_copied) in [(1 << 10, true), (1 << 11, false)] {
        let bytes = format!("${length}\r\n{}\r\n", "x".repeat(length));
        let mut read = BytesMut::from(bytes.as_bytes());
        let range = read.as_ptr_range();
        let Ok(Some(Frame::Reply(Value::Bytes(text)))) = Parser::default().next(&mut read) else {
            panic!("a string of {length} bytes is not decoded");
        };
        assert_eq!(text.len(), length);
        assert_eq!(!range.contains(&text.as_ptr()), is_copied, "{length}");
    }
}

#[test]
fn commands_are_encoded_as_arrays_of_strings() {
    let mut out = Vec::new();
    put_header(&mut out, 4);
    put_bytes(&mut out, b"SET a\r\n");
    put_bytes(&mut out, b"");
    put_int(&mut out, i64::MIN);
    put_double(&mut out, 1.5);
    assert_eq!(
        out.escape_ascii().to_string(),
        "*4\r\n$7\r\nSET a\r\n\r\n$0\r\n\r\n$20\r\n-9223372036854775808\r\n$3\r\n1.5\r\n"
            .escape_default()
            .to_string()
    );
}

#[test]
fn doubles_are_encoded_as_displayed() {
    let extremes = [
        f64::MAX,
        f64::MIN,
        f64::MIN_POSITIVE,
        5e-324,
        f64::INFINITY,
        f64::NEG_INFINITY,
    ];
    for n in extremes.into_iter().chain([0.0, -0.0, 3.0, 0.1, f64::NAN]) {
        let (mut out, mut expected) = (b"x".to_vec(), b"x".to_vec());
        put_double(&mut out, n);
        put_bytes(&mut expected, n.to_string().as_bytes());
        assert_eq!(out, expected, "{n}");
    }
}

/// A RESP3 message, as a server may write it.
#[derive(Debug, Clone)]
enum Wire {
    Null(&'static str),
    Int(i64),
    Double(f64),
    Bool(bool),
    Simple(String),
    Big(String),
    Bulk(Vec<u8>),
    Verbatim(Vec<u8>),
    Error(String),
    BlobError(Vec<u8>),
    /// An array or a set.
    Array(char, Vec<Self>),
    Map(Vec<Self>),
    Attributed(Vec<Self>, Box<Self>),
}

impl Wire {
    fn write(&self, out: &mut Vec<u8>) {
        let line = |out: &mut Vec<u8>, text: String| {
            out.extend_from_slice(text.as_bytes());
            out.extend_from_slice(b"\r\n");
        };
        let blob = |out: &mut Vec<u8>, mark: char, prefix: &str, bytes: &[u8]| {
            line(out, format!("{mark}{}", prefix.len() + bytes.len()));
            out.extend_from_slice(prefix.as_bytes());
            out.extend_from_slice(bytes);
            out.extend_from_slice(b"\r\n");
        };
        match self {
            Self::Null(text) => line(out, (*text).to_owned()),
            Self::Int(n) => line(out, format!(":{n}")),
            Self::Double(n) => line(out, format!(",{n}")),
            Self::Bool(yes) => line(out, format!("#{}", if *yes { 't' } else { 'f' })),
            Self::Simple(text) => line(out, format!("+{text}")),
            Self::Big(text) => line(out, format!("({text}")),
            Self::Error(text) => line(out, format!("-{text}")),
            Self::Bulk(bytes) => blob(out, '$', "", bytes),
            Self::Verbatim(bytes) => blob(out, '=', "txt:", bytes),
            Self::BlobError(bytes) => blob(out, '!', "", bytes),
            Self::Array(mark, items) => {
                line(out, format!("{mark}{}", items.len()));
                items.iter().for_each(|item| item.write(out));
            }
            Self::Map(items) => {
                line(out, format!("%{}", items.len() / 2));
                items.iter().for_each(|item| item.write(out));
            }
            Self::Attributed(attributes, value) => {
                line(out, format!("|{}", attributes.len() / 2));
                attributes.iter().for_each(|item| item.write(out));
                value.write(out);
            }
        }
    }

    fn value(&self) -> Value {
        match self {
            Self::Null(_) => Value::Nil,
            Self::Int(n) => Value::Int(*n),
            Self::Double(n) => Value::Double(*n),
            Self::Bool(yes) => Value::Bool(*yes),
            Self::Simple(text) | Self::Big(text) => Value::Status(text.clone().into()),
            Self::Bulk(bytes) | Self::Verbatim(bytes) => Value::Bytes(bytes.clone().into()),
            Self::Error(text) => Value::Error(text.clone().into()),
            Self::BlobError(bytes) => Value::Error(bytes.clone().into()),
            Self::Array(_, items) | Self::Map(items) => {
                Value::List(items.iter().map(Self::value).collect())
            }
            Self::Attributed(_, value) => value.value(),
        }
    }

    fn frame(&self) -> Frame {
        match (self, self.value()) {
            (Self::Array('>', _), Value::List(items)) => Frame::Push(items),
            (_, Value::Error(text)) => Frame::Error(text),
            (_, value) => Frame::Reply(value),
        }
    }
}

fn wire() -> impl Strategy<Value = Wire> {
    let bytes = || {
        vec(
            prop_oneof![Just(b'\r'), Just(b'\n'), Just(b'$'), any::<u8>()],
            0..12,
        )
    };
    let double = any::<f64>().prop_filter("NaN differs from itself", |n| !n.is_nan());
    let scalar = prop_oneof![
        prop_oneof![Just("_"), Just("$-1"), Just("*-1")].prop_map(Wire::Null),
        any::<i64>().prop_map(Wire::Int),
        double.prop_map(Wire::Double),
        any::<bool>().prop_map(Wire::Bool),
        "OK|[^\r]{0,8}".prop_map(Wire::Simple),
        "-?[0-9]{1,30}".prop_map(Wire::Big),
        "[A-Z]{2,6} [^\r]{0,8}".prop_map(Wire::Error),
        bytes().prop_map(Wire::Bulk),
        bytes().prop_map(Wire::Verbatim),
        bytes().prop_map(Wire::BlobError),
    ];
    scalar.prop_recursive(5, 24, 4, |item| {
        let pairs = vec((item.clone(), item.clone()), 0..3).prop_map(|pairs| {
            pairs
                .into_iter()
                .flat_map(|(key, value)| [key, value])
                .collect()
        });
        let pairs = move || pairs.clone();
        prop_oneof![
            (prop_oneof![Just('*'), Just('~')], vec(item.clone(), 0..5))
                .prop_map(|(mark, items)| Wire::Array(mark, items)),
            pairs().prop_map(Wire::Map),
            (pairs(), item).prop_map(|(pairs, item)| Wire::Attributed(pairs, Box::new(item))),
        ]
    })
}

/// Generates a stream of messages and the frames in it.
fn stream() -> impl Strategy<Value = (Vec<u8>, Vec<Frame>)> {
    let push = vec(wire(), 0..4).prop_map(|items| Wire::Array('>', items));
    vec(prop_oneof![4 => wire(), 1 => push], 1..5).prop_map(|messages| {
        let mut bytes = Vec::new();
        messages
            .iter()
            .for_each(|message| message.write(&mut bytes));
        (bytes, messages.iter().map(Wire::frame).collect())
    })
}

/// Cuts bytes into pieces of these lengths, again and again.
fn pieces<'a>(mut bytes: &'a [u8], lengths: &'a [usize]) -> impl Iterator<Item = &'a [u8]> {
    lengths.iter().cycle().map_while(move |length| {
        let piece = bytes.split_off(..bytes.len().min(*length))?;
        (!piece.is_empty()).then_some(piece)
    })
}

proptest! {
    #[test]
    fn every_split_in_two_gives_the_same_frames((bytes, frames) in stream()) {
        let expected = (frames, Ok(0));
        for middle in 0..=bytes.len() {
            let (left, right) = bytes.split_at(middle);
            prop_assert_eq!(&parse([left, right]), &expected, "split at {}", middle);
        }
    }

    #[test]
    fn random_pieces_give_the_same_frames(
        (bytes, frames) in stream(),
        lengths in vec(1_usize..20, 1..8),
    ) {
        let expected = (frames, Ok(0));
        prop_assert_eq!(parse(pieces(&bytes, &lengths)), expected);
    }

    #[test]
    fn garbage_in_pieces_gives_the_same_outcome(
        bytes in vec(prop_oneof![
            4 => proptest::sample::select(&b"+-:_,#($!=*~>%|;.?t0123\r\n"[..]).prop_map(|b| vec![b]),
            4 => proptest::sample::select(&["\r\n", "*2\r\n", "$1\r\n", "|1\r\n", ":1\r\n"][..])
                .prop_map(|text| text.as_bytes().to_vec()),
            1 => any::<u8>().prop_map(|b| vec![b]),
        ], 0..60),
        lengths in vec(1_usize..8, 1..4),
    ) {
        let bytes = bytes.concat();
        let (whole, cut) = (parse([&bytes[..]]), parse(pieces(&bytes, &lengths)));
        prop_assert_eq!(whole, cut);
    }
}
