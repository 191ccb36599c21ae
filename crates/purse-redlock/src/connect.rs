//! Connecting to the masters, and making sure that they are several.

use std::time::Duration;

use purse_client::{Client, ClientBuilder, Command, Error as ClientError, ErrorKind};
use tokio::task::JoinSet;

use crate::decision::quorum;
use crate::error::{Error, Result};
use crate::master::Master;
use crate::probe;
use crate::trace;

/// How long a master may take to say who it is.
const INFO_TIMEOUT: Duration = Duration::from_millis(500);

/// A master that was tried once.
struct Opened {
    client: Client,
    state: State,
}

enum State {
    Up(Identity),
    Down(ClientError),
}

/// Who a server says it is.
#[derive(Debug, Default, PartialEq, Eq)]
struct Identity {
    /// Different for each start of a server; `None` if the server does not tell.
    run_id: Option<String>,
    /// Whether the server may throw out keys before their time.
    evicts: bool,
}

/// The clients of all masters, of which a quorum is connected.
pub(crate) async fn masters(masters: Vec<Master>) -> Result<Vec<Client>> {
    let count = masters.len();
    if count > 1 && count.is_multiple_of(2) {
        trace::even_masters(count);
    }
    let opened = open_all(masters).await?;
    refuse_twins(&opened)?;
    let mut clients = Vec::with_capacity(count);
    let mut errors = Vec::new();
    for Opened { client, state } in opened {
        match state {
            State::Up(identity) if identity.evicts => trace::evicting(client.server()),
            State::Up(_) => {}
            State::Down(error) => {
                trace::unreachable(client.server(), &error);
                errors.push((client.server().to_owned(), error));
            }
        }
        clients.push(client);
    }
    let (votes, needed) = (count - errors.len(), quorum(count));
    if votes < needed {
        return Err(Error::NoQuorum {
            votes,
            needed,
            errors,
        });
    }
    Ok(clients)
}

/// Tries all at once, and keeps their order.
async fn open_all(masters: Vec<Master>) -> Result<Vec<Opened>> {
    let mut tasks = JoinSet::new();
    for (index, master) in masters.into_iter().enumerate() {
        tasks.spawn(async move { (index, open(master.into_builder()).await) });
    }
    let mut opened = tasks.join_all().await;
    opened.sort_by_key(|(index, _)| *index);
    opened
        .into_iter()
        .map(|(index, opened)| {
            opened.map_err(|source| Error::Config {
                message: format!("master {} cannot be used", index + 1),
                source: Some(source),
            })
        })
        .collect()
}

/// Fails only where trying again would not help.
async fn open(builder: ClientBuilder) -> Result<Opened, ClientError> {
    let (client, down) = match builder.clone().connect().await {
        Ok(client) => (client, None),
        Err(error) if is_hopeless(&error) => return Err(error),
        Err(error) => (builder.connect_lazy()?, Some(error)),
    };
    if client.is_cluster() {
        let message = "a cluster is no master: name its servers, or others, one by one";
        return Err(
            ClientError::new(ErrorKind::Config, message).with_server(client.server().into())
        );
    }
    let state = match down {
        Some(error) => State::Down(error),
        None => match look_at(&client).await {
            Ok(identity) => State::Up(identity),
            Err(error) if is_hopeless(&error) => return Err(error),
            Err(error) => State::Down(error),
        },
    };
    Ok(Opened { client, state })
}

fn is_hopeless(error: &ClientError) -> bool {
    matches!(error.kind(), ErrorKind::Auth | ErrorKind::Config)
}

/// Asks a server who it is, and whether it lets us do what a lock takes.
async fn look_at(client: &Client) -> Result<Identity, ClientError> {
    let info = Command::read("INFO").timeout(INFO_TIMEOUT);
    let identity = match client.run(info).await {
        Ok(reply) => identity(&reply.into_bytes()?),
        Err(error) if error.kind() == ErrorKind::Auth && !is_unauthenticated(&error) => {
            trace::unidentified(client.server(), &error);
            Identity::default()
        }
        Err(error) => return Err(error),
    };
    probe::scripts(client).await?;
    Ok(identity)
}

/// Whether the server wants a password, as opposed to one that only keeps INFO from us.
fn is_unauthenticated(error: &ClientError) -> bool {
    error.to_string().contains("NOAUTH")
}

fn identity(info: &[u8]) -> Identity {
    let info = String::from_utf8_lossy(info);
    let field = |name: &str| {
        info.lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
            .map(str::trim)
    };
    let is_limited = field("maxmemory").is_some_and(|limit| limit != "0");
    let policy = field("maxmemory_policy");
    Identity {
        run_id: field("run_id").map(str::to_owned),
        evicts: is_limited && policy.is_some_and(|policy| policy != "noeviction"),
    }
}

/// Refuses the same database of the same server twice: its votes would count double.
fn refuse_twins(opened: &[Opened]) -> Result<()> {
    for (second, twin) in opened.iter().enumerate() {
        let mut earlier = opened[..second]
            .iter()
            .enumerate()
            .filter(|(_, other)| is_same_server(other, twin));
        let Some((first, _)) = earlier.clone().next() else {
            continue;
        };
        let server = twin.client.server();
        let same = earlier.find(|(_, other)| other.client.database() == twin.client.database());
        if let Some((first, other)) = same {
            return Err(Error::config(format!(
                "masters {} and {} are the same database of the same server ({} and {server})",
                first + 1,
                second + 1,
                other.client.server(),
            )));
        }
        trace::one_server(server, first + 1, second + 1);
    }
    Ok(())
}

/// Whether two masters are one server for sure, up or down.
fn is_same_server(one: &Opened, other: &Opened) -> bool {
    let (name, address) = (one.client.server(), other.client.server());
    // Unix sockets have no name of their own, and no colon.
    let is_same_address = name.contains(':') && name.eq_ignore_ascii_case(address);
    match (&one.state, &other.state) {
        _ if is_same_address => true,
        (State::Up(one), State::Up(other)) => one.run_id.is_some() && one.run_id == other.run_id,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn info_tells_who_a_server_is_and_whether_it_evicts() {
        let info = |limit: &str, policy: &str| {
            let text = format!(
                "# Server\r\nredis_version:7.2.4\r\nrun_id:abc123\r\n# Memory\r\nmaxmemory:{limit}\r\nmaxmemory_human:0B\r\nmaxmemory_policy:{policy}\r\n"
            );
            identity(text.as_bytes())
        };
        assert_eq!(info("0", "noeviction").run_id.as_deref(), Some("abc123"));
        assert!(!info("0", "allkeys-lru").evicts);
        assert!(!info("1000", "noeviction").evicts);
        assert!(info("1000", "volatile-ttl").evicts);
        assert_eq!(identity(b"\xff"), Identity::default());
    }
}
