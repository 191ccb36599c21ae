//! Cuts the bytes of a stream into frames.
//!
//! # Implementation details
//!
//! The parser works in two steps. First it scans the parts of a frame (a part is a scalar, or the
//! header of an aggregate) until the frame is complete. The scan keeps its position when bytes are
//! missing, so the cost of a frame is linear in its length, however it is cut into pieces. Then the
//! parser builds the value of the complete frame. All allocations happen in the second step, so
//! the parser never allocates for elements that have only been announced.
//!
//! The scan counts the aggregates that are open, and refuses a frame that nests too deeply. The
//! second step is recursive, and relies on this limit.

use std::fmt;

use bytes::{Buf, Bytes, BytesMut};

use super::Value;

/// The largest frame whose bytes are copied, so that a small reply does not keep the whole read
/// buffer alive.
const MAX_COPIED: usize = 1 << 10;
/// The largest depth of aggregates. Redis itself nests fewer than ten.
const MAX_DEPTH: usize = 64;
/// The largest length of a string or an aggregate. Redis allows strings of 512 MiB by default.
const MAX_LENGTH: u64 = u32::MAX as u64;
const MAX_LENGTH_DIGITS: usize = 10;
/// The number of bytes in which the end of a line is searched without the call of `memchr`.
const MAX_SHORT_LINE: usize = 8;

/// A complete message from the server.
#[derive(Debug, PartialEq)]
pub(crate) enum Frame {
    /// A reply to a command.
    Reply(Value),
    /// An error reply to a command.
    Error(Bytes),
    /// A message that does not reply to a command, such as an invalidation.
    Push(Vec<Value>),
}

/// An error for bytes that are not RESP, or that this parser does not support.
///
/// The position of the next frame is unknown after it, so the connection cannot be used any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Malformed {
    reason: &'static str,
    mark: Option<u8>,
}

impl Malformed {
    const fn new(reason: &'static str) -> Self {
        Self { reason, mark: None }
    }

    /// Returns whether the reply is an alert record of TLS.
    pub(crate) fn is_tls_alert(&self) -> bool {
        self.mark == Some(0x15)
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason)?;
        match self.mark {
            Some(mark) => write!(f, " (starts with '{}')", mark.escape_ascii()),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Malformed {}

const STREAMED: Malformed = Malformed::new("streamed types are not supported");
const TOO_LONG: Malformed = Malformed::new("a length exceeds 4294967295");

type Parsed<T> = Result<T, Malformed>;

/// A parser that cuts the bytes of a stream into frames.
#[derive(Debug, Default)]
pub(crate) struct Parser {
    /// The start of the next part; all parts before it are complete.
    at: usize,
    /// The position where the search for the end of the next part continues. It is after the last
    /// byte that arrived if the length of the part is known.
    resume: usize,
    /// The number of values that are missing in the innermost open aggregate.
    missing: u64,
    /// The same number for each aggregate around the innermost one.
    outer: Vec<u64>,
    /// The last part that is outside all aggregates.
    head: Token,
}

impl Parser {
    /// Takes the next frame out of the bytes that were read, or returns `None` if the frame is not
    /// complete.
    ///
    /// The caller appends to `read`, and changes it in no other way between two calls.
    ///
    /// # Errors
    /// Fails if the bytes are malformed. The parser must not be used after that.
    pub(crate) fn next(&mut self, read: &mut BytesMut) -> Parsed<Option<Frame>> {
        match self.scan(read)? {
            Some((head, length)) => take(read, head, length),
            None => Ok(None),
        }
    }

    /// Returns the first part of a frame after its attributes, and the length of the frame, if the
    /// frame is complete.
    #[inline]
    fn scan(&mut self, read: &[u8]) -> Parsed<Option<(Token, usize)>> {
        if read.len() < self.resume {
            return Ok(None);
        }
        if self.at == 0 {
            self.missing = 1;
        }
        loop {
            let part = match Token::parse(read, self.at, self.resume)? {
                Step::Complete(part) => part,
                Step::Incomplete { resume } => {
                    self.resume = resume;
                    return Ok(None);
                }
            };
            if self.outer.is_empty() {
                if part.values() == 1 && part.children == 0 {
                    // The most frequent frame: one scalar.
                    (self.at, self.resume) = (0, 0);
                    return Ok(Some((part, part.next)));
                }
                self.head = part;
            } else if part.mark == b'>' {
                // Some servers send an invalidation between the elements of a reply. Whether it
                // counts as an element is ambiguous, and a wrong guess would shift all later replies.
                return Err(Malformed::new("a push inside another reply"));
            }
            self.at = part.next;
            self.missing -= part.values();
            if part.children > 0 {
                if self.outer.len() == MAX_DEPTH {
                    return Err(Malformed::new("nesting deeper than 64"));
                }
                self.outer.push(self.missing);
                self.missing = part.children;
            }
            while self.missing == 0 {
                match self.outer.pop() {
                    Some(missing) => self.missing = missing,
                    None => {
                        self.resume = 0;
                        return Ok(Some((self.head, std::mem::take(&mut self.at))));
                    }
                }
            }
        }
    }
}

/// A scalar, or the header of an aggregate.
#[derive(Debug, Default, Clone, Copy)]
struct Token {
    /// The first byte, which is the type; `_` for the nulls of RESP2.
    mark: u8,
    /// The range of the text of a scalar.
    start: usize,
    end: usize,
    /// The start of the next part.
    next: usize,
    /// The number of values in an aggregate.
    children: u64,
}

#[derive(Debug)]
enum Step {
    Complete(Token),
    Incomplete {
        /// The part stays incomplete until there are this many bytes. If the part is a line, it does
        /// not end before this position.
        resume: usize,
    },
}

impl Token {
    /// Parses the part at a position. The end of a line is searched from `resume` on.
    ///
    /// A call that is not inlined costs 8 ns of the 30 ns that a short reply takes (measured).
    #[inline(always)]
    fn parse(bytes: &[u8], at: usize, resume: usize) -> Parsed<Step> {
        let Some(&mark) = bytes.get(at) else {
            return Ok(Step::Incomplete { resume: at });
        };
        let start = at + 1;
        let part = |mark, start, end, next, children| {
            Ok(Step::Complete(Self {
                mark,
                start,
                end,
                next,
                children,
            }))
        };
        match mark {
            b'+' | b'-' | b':' | b'_' | b',' | b'#' | b'(' => {
                let from = start.max(resume);
                let end = from + line_length(&bytes[from..]);
                match line_end(bytes, end)? {
                    Some(next) => part(mark, start, end, next, 0),
                    None => Ok(Step::Incomplete { resume: end }),
                }
            }
            b'$' | b'!' | b'=' | b'*' | b'~' | b'>' | b'%' | b'|' => {
                let Some((length, next)) = length(bytes, start)? else {
                    // The header is read again, which is cheap because its length is limited.
                    return Ok(Step::Incomplete { resume: start });
                };
                let Some(length) = length else {
                    return match mark {
                        b'$' | b'*' => part(b'_', next, next, next, 0),
                        _ => Err(Malformed::new("a negative length")),
                    };
                };
                match mark {
                    b'$' | b'!' | b'=' => {
                        let end = usize::try_from(length).map_err(|_| TOO_LONG)?;
                        let end = next.checked_add(end).ok_or(TOO_LONG)?;
                        match end.checked_add(2).ok_or(TOO_LONG)? {
                            whole if bytes.len() < whole => Ok(Step::Incomplete { resume: whole }),
                            whole if bytes[end..whole] == *b"\r\n" => {
                                part(mark, next, end, whole, 0)
                            }
                            _ => Err(Malformed::new("a string does not end with CR LF")),
                        }
                    }
                    b'%' | b'|' => part(mark, next, next, next, 2 * length),
                    _ => part(mark, next, next, next, length),
                }
            }
            b';' | b'.' => Err(STREAMED),
            _ => Err(Malformed {
                reason: "not a RESP reply",
                mark: Some(mark),
            }),
        }
    }

    /// Parses a part of a frame that the scan found complete.
    fn parse_complete(bytes: &[u8], at: usize) -> Parsed<Self> {
        match Self::parse(bytes, at, at)? {
            Step::Complete(part) => Ok(part),
            Step::Incomplete { .. } => Err(Malformed::new("a reply ends too early")),
        }
    }

    /// Parses the first part that does not belong to an attribute.
    fn parse_value(bytes: &[u8], at: usize) -> Parsed<Self> {
        let mut part = Self::parse_complete(bytes, at)?;
        let mut skipped = 0;
        while part.mark == b'|' || skipped > 0 {
            skipped = skipped + part.children - if skipped > 0 { part.values() } else { 0 };
            part = Self::parse_complete(bytes, part.next)?;
        }
        Ok(part)
    }

    /// Returns the number of values that the part begins: none if it is the header of an attribute,
    /// which comes before the value that it describes.
    const fn values(&self) -> u64 {
        if self.mark == b'|' { 0 } else { 1 }
    }

    const fn is_aggregate(&self) -> bool {
        matches!(self.mark, b'*' | b'~' | b'>' | b'%')
    }

    /// Builds a value other than an aggregate. `cut` returns a range of the bytes.
    #[inline]
    fn scalar(&self, bytes: &[u8], cut: impl FnOnce(usize, usize) -> Bytes) -> Parsed<Value> {
        let text = &bytes[self.start..self.end];
        Ok(match self.mark {
            b'$' => Value::Bytes(cut(self.start, self.end)),
            b':' => Value::Int(integer(text).ok_or(Malformed::new("not a 64-bit integer"))?),
            b'+' if text == b"OK" => Value::Status(Bytes::from_static(b"OK")),
            b'+' => Value::Status(cut(self.start, self.end)),
            b'-' | b'!' => Value::Error(cut(self.start, self.end)),
            b'_' if text.is_empty() => Value::Nil,
            b'#' if text == b"t" => Value::Bool(true),
            b'#' if text == b"f" => Value::Bool(false),
            b',' => {
                let n = std::str::from_utf8(text)
                    .ok()
                    .and_then(|text| text.parse().ok());
                Value::Double(n.ok_or(Malformed::new("not a double"))?)
            }
            b'=' if text.get(3) == Some(&b':') => Value::Bytes(cut(self.start + 4, self.end)),
            b'(' if is_big_number(text) => Value::Status(cut(self.start, self.end)),
            b'_' => return Err(Malformed::new("not a null")),
            b'#' => return Err(Malformed::new("not a boolean")),
            b'=' => return Err(Malformed::new("a verbatim string without a format")),
            _ => return Err(Malformed::new("not a big number")),
        })
    }
}

/// Returns the number of bytes before the first CR.
#[inline(always)]
fn line_length(bytes: &[u8]) -> usize {
    let short = &bytes[..bytes.len().min(MAX_SHORT_LINE)];
    match short.iter().position(|byte| *byte == b'\r') {
        Some(length) => length,
        None => memchr::memchr(b'\r', bytes).unwrap_or(bytes.len()),
    }
}

/// Returns the position after the line end at this position, or `None` if it has not arrived.
fn line_end(bytes: &[u8], at: usize) -> Parsed<Option<usize>> {
    match &bytes[at..] {
        [b'\r', b'\n', ..] => Ok(Some(at + 2)),
        [] | [b'\r'] => Ok(None),
        _ => Err(Malformed::new("a line does not end with CR LF")),
    }
}

/// Parses a length and the line end after it. Returns the length, or `None` for -1, and the position
/// after the line; or `None` if the line is incomplete.
#[inline(always)]
fn length(bytes: &[u8], start: usize) -> Parsed<Option<(Option<u64>, usize)>> {
    let mut at = start;
    let mut length = 0;
    while let Some(&digit @ b'0'..=b'9') = bytes.get(at) {
        length = 10 * length + u64::from(digit - b'0');
        at += 1;
        if at - start > MAX_LENGTH_DIGITS || length > MAX_LENGTH {
            return Err(TOO_LONG);
        }
    }
    let length = match &bytes[start..] {
        [] | [b'-'] => return Ok(None),
        [b'0'..=b'9', ..] => Some(length),
        [b'-', b'1', ..] => {
            at += 2;
            None
        }
        [b'-', ..] => return Err(Malformed::new("a negative length")),
        [b'?', ..] => return Err(STREAMED),
        _ => return Err(Malformed::new("a length is not a number")),
    };
    Ok(line_end(bytes, at)?.map(|next| (length, next)))
}

fn integer(text: &[u8]) -> Option<i64> {
    let (is_negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] | digits => (false, digits),
    };
    if digits.is_empty() {
        return None;
    }
    // Counts down, because the range of negative numbers is larger by one.
    let negative = digits.iter().try_fold(0_i64, |n, digit| match digit {
        b'0'..=b'9' => n.checked_mul(10)?.checked_sub(i64::from(digit - b'0')),
        _ => None,
    })?;
    if is_negative {
        Some(negative)
    } else {
        negative.checked_neg()
    }
}

fn is_big_number(text: &[u8]) -> bool {
    let digits = match text {
        [b'-' | b'+', digits @ ..] | digits => digits,
    };
    !digits.is_empty() && digits.iter().all(u8::is_ascii_digit)
}

/// Takes a complete frame out of the bytes that were read. Always returns a frame; the `Option`
/// is that of the caller, because moving the frame into it costs 5 ns (measured).
#[inline]
fn take(read: &mut BytesMut, part: Token, length: usize) -> Parsed<Option<Frame>> {
    let value = if part.is_aggregate() {
        let frame = if length <= MAX_COPIED {
            let copy = Bytes::copy_from_slice(&read[..length]);
            read.advance(length);
            copy
        } else {
            read.split_to(length).freeze()
        };
        let mut at = part.next;
        let items = items(&frame, part.children, &mut at)?;
        if part.mark == b'>' {
            return Ok(Some(Frame::Push(items)));
        }
        Value::List(items)
    } else if part.end - part.start <= MAX_COPIED {
        let value = part.scalar(read, |start, end| Bytes::copy_from_slice(&read[start..end]))?;
        read.advance(length);
        value
    } else {
        let frame = read.split_to(length).freeze();
        part.scalar(&frame, |start, end| frame.slice(start..end))?
    };
    Ok(Some(match value {
        Value::Error(text) => Frame::Error(text),
        value => Frame::Reply(value),
    }))
}

/// Builds the values of an aggregate. All of them have arrived, so each takes three bytes at least.
fn items(frame: &Bytes, count: u64, at: &mut usize) -> Parsed<Vec<Value>> {
    let mut items = Vec::with_capacity(usize::try_from(count).map_err(|_| TOO_LONG)?);
    for _ in 0..count {
        let part = Token::parse_value(frame, *at)?;
        *at = part.next;
        items.push(if part.is_aggregate() {
            Value::List(self::items(frame, part.children, at)?)
        } else {
            part.scalar(frame, |start, end| frame.slice(start..end))?
        });
    }
    Ok(items)
}
