//! The little of the Redis protocol (RESP2) that it takes to ask a server something.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::{Duration, Instant};

use crate::protocol::reply::Reply;

/// A connection to a server on this machine, good until one moment.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: BufReader<DeadlineStream>,
}

/// A stream on which nothing waits beyond the deadline.
#[derive(Debug)]
struct DeadlineStream {
    stream: TcpStream,
    deadline: Instant,
}

impl Connection {
    /// Connects, and authenticates if there is a password.
    pub(crate) fn open(port: u16, password: Option<&str>, timeout: Duration) -> io::Result<Self> {
        let deadline = Instant::now() + timeout;
        let stream = TcpStream::connect_timeout(&(Ipv4Addr::LOCALHOST, port).into(), timeout)?;
        stream.set_nodelay(true)?;
        let mut connection = Self {
            stream: BufReader::new(DeadlineStream { stream, deadline }),
        };
        if let Some(password) = password
            && let Reply::Error(refusal) = connection.command(&["AUTH", password])?
        {
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, refusal));
        }
        Ok(connection)
    }

    pub(crate) fn command<A: AsRef<[u8]>>(&mut self, arguments: &[A]) -> io::Result<Reply> {
        let mut request = format!("*{}\r\n", arguments.len()).into_bytes();
        for argument in arguments {
            let argument = argument.as_ref();
            request.extend_from_slice(format!("${}\r\n", argument.len()).as_bytes());
            request.extend_from_slice(argument);
            request.extend_from_slice(b"\r\n");
        }
        let bounded = self.stream.get_mut();
        let left = bounded.time_left()?;
        bounded.stream.set_write_timeout(Some(left))?;
        bounded.stream.write_all(&request).map_err(timeout_error)?;
        self.reply()
    }

    fn reply(&mut self) -> io::Result<Reply> {
        let line = self.line()?;
        let Some((kind, rest)) = line.split_at_checked(1) else {
            return Err(malformed_error(&line));
        };
        match kind {
            "+" => Ok(Reply::Simple(rest.to_owned())),
            "-" => Ok(Reply::Error(rest.to_owned())),
            ":" => Ok(Reply::Int(number(&line)?)),
            "$" => self.bulk(number(&line)?),
            "*" => self.array(number(&line)?),
            _ => Err(malformed_error(&line)),
        }
    }

    fn bulk(&mut self, length: i64) -> io::Result<Reply> {
        let Ok(length) = u64::try_from(length) else {
            return Ok(Reply::Nil);
        };
        let mut bytes = Vec::new();
        let got = (&mut self.stream)
            .take(length + 2)
            .read_to_end(&mut bytes)?;
        if got as u64 != length + 2 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        bytes.truncate(got - 2);
        Ok(Reply::Bulk(bytes))
    }

    fn array(&mut self, length: i64) -> io::Result<Reply> {
        if length < 0 {
            return Ok(Reply::Nil);
        }
        (0..length)
            .map(|_| self.reply())
            .collect::<io::Result<_>>()
            .map(Reply::Array)
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        match line.strip_suffix("\r\n") {
            Some(text) => Ok(text.to_owned()),
            None => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }
}

impl DeadlineStream {
    /// The time left, never zero, which would mean no limit.
    fn time_left(&self) -> io::Result<Duration> {
        match self.deadline.checked_duration_since(Instant::now()) {
            Some(left) if !left.is_zero() => Ok(left),
            _ => Err(io::ErrorKind::TimedOut.into()),
        }
    }
}

impl Read for DeadlineStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.set_read_timeout(Some(self.time_left()?))?;
        self.stream.read(buffer).map_err(timeout_error)
    }
}

/// Unix says that it would block where the timeout of a socket was reached.
fn timeout_error(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::WouldBlock => io::ErrorKind::TimedOut.into(),
        _ => error,
    }
}

fn number(line: &str) -> io::Result<i64> {
    line[1..].parse().map_err(|_| malformed_error(line))
}

fn malformed_error(line: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("not a reply of a Redis server: {line:?}"),
    )
}
