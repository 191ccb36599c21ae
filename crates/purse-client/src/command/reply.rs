//! Replies of servers, and the shapes that commands expect of them.

use bytes::Bytes;

use crate::resp::Value;
use crate::{Error, ErrorKind, Result};

/// A reply of a server to a command.
///
/// Each accessor expects one shape and returns a [`Protocol`](ErrorKind::Protocol) error for any
/// other. RESP2 and RESP3 look the same through them: a map is read as pairs, and a number in a
/// string as a number.
///
/// # Examples
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let server = purse_testkit::Server::start()?;
/// # let url = server.url();
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// use purse::{Client, Command};
///
/// let client = Client::connect(&url).await?;
/// client.run(Command::write("RPUSH").key("list").arg("a").arg("b")).await?;
/// let reply = client.run(Command::read("LRANGE").key("list").arg(0).arg(-1)).await?;
/// let [first, second] = reply.into_array()?;
/// assert_eq!((first.into_bytes()?, second.into_bytes()?), ("a".into(), "b".into()));
/// # Ok(())
/// # })
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Reply(pub(crate) Value);

impl Reply {
    pub(crate) const fn nil() -> Self {
        Self(Value::Nil)
    }

    /// Returns whether the reply is nil.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::Command;
    ///
    /// assert!(client.run(Command::read("GET").key("missing")).await?.is_nil());
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn is_nil(&self) -> bool {
        matches!(self.0, Value::Nil)
    }

    /// Returns the reply, or `None` if it is nil.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::{Command, Reply};
    ///
    /// let reply = client.run(Command::read("GET").key("missing")).await?;
    /// assert_eq!(reply.non_nil().map(Reply::into_bytes).transpose()?, None);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn non_nil(self) -> Option<Self> {
        (!self.is_nil()).then_some(self)
    }

    /// Returns the bytes of a string reply, or the digits of a number.
    ///
    /// # Errors
    /// [`ErrorKind::Protocol`] if the reply is not a string or number.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::Command;
    ///
    /// client.run(Command::write("SET").key("name").arg("Ada")).await?;
    /// let name = client.run(Command::read("GET").key("name")).await?.into_bytes()?;
    /// assert_eq!(name, "Ada");
    /// # Ok(()) }
    /// ```
    pub fn into_bytes(self) -> Result<Bytes> {
        match self.0 {
            Value::Bytes(bytes) | Value::Status(bytes) => Ok(bytes),
            Value::Int(n) => Ok(Bytes::from(n.to_string())),
            Value::Double(n) => Ok(Bytes::from(n.to_string())),
            other => Err(unexpected_reply_error("a string", &other)),
        }
    }

    /// Returns an integer reply.
    ///
    /// # Errors
    /// [`ErrorKind::Protocol`] if the reply is not an integer.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::Command;
    ///
    /// let reply = client.run(Command::write("DECR").key("stock")).await?;
    /// assert_eq!(reply.into_int()?, -1);
    /// # Ok(()) }
    /// ```
    pub fn into_int(self) -> Result<i64> {
        match self.0 {
            Value::Int(n) => Ok(n),
            Value::Status(text) | Value::Bytes(text) => parse(&text)
                .ok_or_else(|| unexpected_reply_error("an integer", &Value::Bytes(text))),
            other => Err(unexpected_reply_error("an integer", &other)),
        }
    }

    /// Returns an integer reply that is not negative.
    ///
    /// # Errors
    /// [`ErrorKind::Protocol`] if the reply is not an integer, or is negative.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::Command;
    ///
    /// let reply = client.run(Command::write("SADD").key("fruit").arg("apple").arg("pear")).await?;
    /// let added: u64 = reply.into_count()?;
    /// assert_eq!(added, 2);
    /// # Ok(()) }
    /// ```
    pub fn into_count(self) -> Result<u64> {
        let n = self.into_int()?;
        u64::try_from(n).map_err(|_| unexpected_reply_error("a count", &Value::Int(n)))
    }

    /// Returns a floating point reply: a RESP3 double, or its text.
    ///
    /// # Errors
    /// [`ErrorKind::Protocol`] if the reply is not a number, or is beyond the range of `f64`, as that
    /// of `INCRBYFLOAT` may be.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::Command;
    ///
    /// client.run(Command::write("ZADD").key("board").arg(1.5).arg("Ada")).await?;
    /// let score = client.run(Command::read("ZSCORE").key("board").arg("Ada")).await?;
    /// assert_eq!(score.into_float()?, 1.5);
    /// # Ok(()) }
    /// ```
    pub fn into_float(self) -> Result<f64> {
        match self.0 {
            Value::Double(n) => Ok(n),
            #[expect(
                clippy::cast_precision_loss,
                reason = "the server's own conversion of a score"
            )]
            Value::Int(n) => Ok(n as f64),
            Value::Status(text) | Value::Bytes(text) => {
                let number: f64 = parse(&text).ok_or_else(|| {
                    unexpected_reply_error("a number", &Value::Bytes(text.clone()))
                })?;
                // Rust reads what is beyond its range as an infinity, which servers write in letters.
                if number.is_infinite() && text.iter().any(u8::is_ascii_digit) {
                    let message = "the server answered a number beyond the range of f64";
                    return Err(Error::new(ErrorKind::Protocol, message));
                }
                Ok(number)
            }
            other => Err(unexpected_reply_error("a number", &other)),
        }
    }

    /// Returns a yes or no: a RESP3 boolean, 1 or 0, or OK and nil.
    ///
    /// # Errors
    /// [`ErrorKind::Protocol`] if the reply is none of these.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::Command;
    ///
    /// let set = || Command::write("SET").key("name").arg("Ada").arg("NX");
    /// assert!(client.run(set()).await?.into_bool()?, "OK");
    /// assert!(!client.run(set()).await?.into_bool()?, "nil");
    /// # Ok(()) }
    /// ```
    pub fn into_bool(self) -> Result<bool> {
        match self.0 {
            Value::Bool(yes) => Ok(yes),
            Value::Int(n) => Ok(n != 0),
            Value::Nil => Ok(false),
            Value::Status(text) if text == "OK" => Ok(true),
            other => Err(unexpected_reply_error("a yes or no", &other)),
        }
    }

    /// Returns the elements of an array, set or map reply (a map as key, value, key, value).
    ///
    /// # Errors
    /// [`ErrorKind::Protocol`] if the reply is not an array; nil is not an empty one.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::{Command, Reply};
    ///
    /// client.run(Command::write("RPUSH").key("primes").args([2, 3, 5])).await?;
    /// let reply = client.run(Command::read("LRANGE").key("primes").arg(0).arg(-1)).await?;
    /// let primes = reply.into_list()?.into_iter().map(Reply::into_int);
    /// assert_eq!(primes.collect::<purse::Result<Vec<_>>>()?, [2, 3, 5]);
    /// # Ok(()) }
    /// ```
    pub fn into_list(self) -> Result<Vec<Self>> {
        match self.0 {
            Value::List(items) => Ok(items.into_iter().map(Self).collect()),
            other => Err(unexpected_reply_error("an array", &other)),
        }
    }

    /// The pairs of a map reply, or of a flat array, or of an array of two-element arrays.
    ///
    /// # Errors
    /// [`ErrorKind::Protocol`] if the reply does not consist of pairs.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::Command;
    ///
    /// client.run(Command::write("HSET").key("ages").arg("Ada").arg(36)).await?;
    /// for (name, age) in client.run(Command::read("HGETALL").key("ages")).await?.into_pairs()? {
    ///     assert_eq!((name.into_bytes()?, age.into_int()?), ("Ada".into(), 36));
    /// }
    /// # Ok(()) }
    /// ```
    pub fn into_pairs(self) -> Result<Vec<(Self, Self)>> {
        let mut items = self.into_list()?.into_iter();
        let mut pairs = Vec::with_capacity(items.len() / 2);
        while let Some(first) = items.next() {
            if matches!(first.0, Value::List(_)) {
                let [key, value] = first.into_array()?;
                pairs.push((key, value));
            } else {
                let Some(second) = items.next() else {
                    return Err(unexpected_reply_error("pairs", &first.0));
                };
                pairs.push((first, second));
            }
        }
        Ok(pairs)
    }

    /// The elements of an array reply of exactly `N` elements.
    ///
    /// # Errors
    /// [`ErrorKind::Protocol`] if the reply is not an array of that length.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::Command;
    ///
    /// let [seconds, micros] = client.run(Command::read("TIME")).await?.into_array()?;
    /// assert!(seconds.into_int()? > 0 && micros.into_int()? < 1_000_000);
    /// # Ok(()) }
    /// ```
    pub fn into_array<const N: usize>(self) -> Result<[Self; N]> {
        let items = self.into_list()?;
        let found = items.len();
        items.try_into().map_err(|_| {
            Error::new(
                ErrorKind::Protocol,
                format!("the server answered {found} elements where {N} were expected"),
            )
        })
    }
}

/// The reply that these bytes are.
impl From<Bytes> for Reply {
    fn from(bytes: Bytes) -> Self {
        Self(Value::Bytes(bytes))
    }
}

fn parse<T: std::str::FromStr>(text: &[u8]) -> Option<T> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

fn unexpected_reply_error(wanted: &str, got: &Value) -> Error {
    let message = match got {
        Value::Error(words) => String::from_utf8_lossy(words).into_owned(),
        got => format!(
            "the server answered {} where {wanted} was expected",
            got.kind()
        ),
    };
    Error::new(ErrorKind::Protocol, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(text: &'static str) -> Value {
        Value::Bytes(Bytes::from_static(text.as_bytes()))
    }

    fn text(s: &str) -> Reply {
        Reply(Value::Status(Bytes::copy_from_slice(s.as_bytes())))
    }

    #[test]
    fn numbers_come_as_text_or_as_numbers() {
        assert_eq!(text("3").into_int().ok(), Some(3));
        assert_eq!(text("2.5").into_float().ok(), Some(2.5));
        for (infinite, float) in [("inf", f64::INFINITY), ("-inf", f64::NEG_INFINITY)] {
            assert_eq!(text(infinite).into_float().ok(), Some(float));
        }
        for beyond in ["1e309", "-1e400", &format!("1{}", "0".repeat(309))] {
            let kind = text(beyond).into_float().map_err(|e| e.kind());
            assert_eq!(kind, Err(ErrorKind::Protocol));
        }
        assert_eq!(Reply(Value::Double(2.5)).into_float().ok(), Some(2.5));
        assert_eq!(
            text("x").into_int().map_err(|e| e.kind()),
            Err(ErrorKind::Protocol)
        );
        assert!(Reply(Value::Int(-1)).into_count().is_err());
    }

    #[test]
    fn pairs_come_flat_or_nested() {
        let flat = Value::List(vec![bytes("a"), Value::Int(1), bytes("b"), Value::Int(2)]);
        let nested = Value::List(vec![
            Value::List(vec![bytes("a"), Value::Int(1)]),
            Value::List(vec![bytes("b"), Value::Int(2)]),
        ]);
        for value in [flat, nested] {
            let pairs: Vec<_> = Reply(value)
                .into_pairs()
                .expect("pairs")
                .into_iter()
                .map(|(k, v)| (k.into_bytes().expect("key"), v.into_int().expect("value")))
                .collect();
            assert_eq!(pairs, [(Bytes::from("a"), 1), (Bytes::from("b"), 2)]);
        }
        assert!(Reply(Value::List(vec![bytes("a")])).into_pairs().is_err());
    }

    #[test]
    fn nil_is_not_an_empty_list() {
        assert!(Reply(Value::Nil).into_list().is_err());
        assert!(Reply(Value::Nil).non_nil().is_none());
        assert_eq!(
            Reply(Value::List(vec![])).into_list().map(|l| l.len()).ok(),
            Some(0)
        );
    }

    #[test]
    fn an_array_of_another_length_is_an_error() {
        let reply = Reply(Value::List(vec![Value::Int(1), Value::Int(2)]));
        assert!(reply.clone().into_array::<2>().is_ok());
        assert_eq!(
            reply.into_array::<3>().map_err(|e| e.kind()).err(),
            Some(ErrorKind::Protocol)
        );
    }
}
