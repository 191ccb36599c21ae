//! Redirections of a cluster, and the line of a node about itself.

use super::Cluster;
use crate::command::key_slots::slot_of;
use crate::config::Address;
use crate::connection::Connection;

/// A redirection of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Redirect {
    /// The slot has another owner.
    Moved { slot: u16, to: Address },
    /// The slot is being moved, and this key is on the other node already.
    Ask { slot: u16, to: Address },
    /// The slot is being moved, and the keys of the command are on both nodes.
    TryAgain,
}

impl Redirect {
    /// Reads an error of the node behind `connection`; an empty host is its own.
    pub(crate) fn parse(words: &[u8], cluster: &Cluster, connection: &Connection) -> Option<Self> {
        parse(words, || {
            Some(cluster.address_of(connection)?.host.to_string())
        })
    }

    /// Reads an error of `node`; an empty host is its own.
    pub(crate) fn parse_of(words: &str, node: &Address) -> Option<Self> {
        parse(words.as_bytes(), || Some(node.host.to_string()))
    }

    /// Returns whether a server sends it for a script on `key`. A script that has run may reply
    /// with the same code.
    pub(crate) fn is_of_script(&self, key: Option<&[u8]>) -> bool {
        match self {
            Self::Moved { slot, .. } | Self::Ask { slot, .. } => {
                key.is_some_and(|key| slot_of(key) == *slot)
            }
            Self::TryAgain => key.is_some(),
        }
    }
}

/// The only text with this code, in all releases.
const TRY_AGAIN: &[u8] = b"TRYAGAIN Multiple keys request during rehashing of slot";

fn parse(words: &[u8], own_host: impl FnOnce() -> Option<String>) -> Option<Redirect> {
    if words == TRY_AGAIN {
        return Some(Redirect::TryAgain);
    }
    let text = std::str::from_utf8(words).ok()?;
    let mut words = text.split(' ');
    let code = words.next()?;
    if !matches!(code, "MOVED" | "ASK") {
        return None;
    }
    let slot = words.next()?.parse().ok()?;
    let (host, port) = words.next()?.rsplit_once(':')?;
    if words.next().is_some() {
        return None;
    }
    let port = port.parse().ok()?;
    let to = match host {
        "" | "?" => Address::new(&own_host()?, port),
        host => Address::new(host, port),
    };
    Some(match code {
        "MOVED" => Redirect::Moved { slot, to },
        _ => Redirect::Ask { slot, to },
    })
}

/// Returns the part of CLUSTER NODES in which a node describes itself: its flags, and its slots
/// with those that are being moved.
pub(crate) fn own_part(nodes: &str) -> Option<String> {
    let mut lines = nodes.lines().map(|line| line.split(' '));
    lines.find_map(|mut words| {
        let flags = words.nth(2)?;
        let is_own = flags.split(',').any(|flag| flag == "myself");
        // Between them: the ID of the primary, times, the epoch and the state of the link.
        is_own.then(|| {
            words
                .skip(5)
                .fold(flags.to_owned(), |part, word| part + " " + word)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirections_name_the_slot_and_the_node() {
        let parse = |words: &str| parse(words.as_bytes(), || Some("own".to_owned()));
        let moved = |host: &str| {
            let to = Address::new(host, 7002);
            Some(Redirect::Moved { slot: 5061, to })
        };
        assert_eq!(parse("MOVED 5061 10.0.0.2:7002"), moved("10.0.0.2"));
        assert_eq!(parse("MOVED 5061 ::1:7002"), moved("::1"));
        assert_eq!(parse("MOVED 5061 :7002"), moved("own"));
        let to = Address::new("b", 1);
        assert_eq!(parse("ASK 7 b:1"), Some(Redirect::Ask { slot: 7, to }));
        assert_eq!(
            parse("TRYAGAIN Multiple keys request during rehashing of slot"),
            Some(Redirect::TryAgain)
        );
        for words in [
            "MOVED",
            "MOVED x y:1",
            "MOVED 1 y",
            "MOVED 1 y:1 script: 1f, on @user_script:1.",
            "TRYAGAIN later",
            "CLUSTERDOWN no",
            "",
        ] {
            assert_eq!(parse(words), None, "{words}");
        }
    }

    #[test]
    fn redirection_of_a_script_names_the_slot_of_its_key() {
        let to = Address::new("b", 1);
        let moved = |slot| Redirect::Moved {
            slot,
            to: to.clone(),
        };
        assert!(moved(5061).is_of_script(Some(b"bar")));
        assert!(!moved(5062).is_of_script(Some(b"bar")));
        assert!(!moved(5061).is_of_script(None));
        assert!(!Redirect::TryAgain.is_of_script(None));
    }

    #[test]
    fn part_of_a_node_is_its_flags_and_slots() {
        let nodes = "\
a1 10.0.0.1:7001@17001,one.example myself,master - 0 0 1 connected 0-8191 [5061->-b2] [7->-c3]
b2 ::1:7002@17002 master - 0 1 2 connected 8192-16383
";
        assert_eq!(
            own_part(nodes).as_deref(),
            Some("myself,master 0-8191 [5061->-b2] [7->-c3]")
        );
    }
}
