//! The versions of servers from which on commands and options exist: the one table of them.
//!
//! A server refuses what it does not know in many ways: as an unknown command, as a wrong number of
//! arguments, or because it reads the word of an option as a number. The table explains such
//! replies, and decides where a script stands in for a command. It never refuses to send a command,
//! because a compatible server may know it.

use std::borrow::Cow;
use std::fmt;

use super::{Argument, Command};

/// A command, or an option of a command, that not every supported server knows.
#[derive(Debug)]
pub(crate) struct Feature {
    /// The name of the command, or of a script that uses the command.
    command: &'static str,
    usage: Usage,
    /// The feature as an error names it.
    name: &'static str,
    since: Since,
}

/// The arguments by which a command uses the feature.
#[derive(Debug)]
enum Usage {
    Always,
    /// At least this number of arguments after the keys.
    Args(usize),
    /// One of these words among the options, which follow this number of other arguments.
    Option(usize, &'static [&'static str]),
}

/// The first versions that have a feature.
#[derive(Debug)]
struct Since {
    redis: (u16, u16),
    /// None if every Valkey has it.
    valkey: Option<(u16, u16)>,
}

const REDIS_6_2: Since = Since::redis(6, 2);
const REDIS_7_0: Since = Since::redis(7, 0);
const REDIS_7_2: Since = Since::redis(7, 2);
const REDIS_7_4: Since = Since::redis(7, 4).valkey(9, 0);
const REDIS_8_0: Since = Since::redis(8, 0).valkey(9, 0);
const REDIS_8_4: Since = Since::redis(8, 4).valkey(8, 1);

const EXPIRE_CONDITIONS: Usage = Usage::Option(1, &["NX", "XX", "GT", "LT"]);
const SCORE_CONDITIONS: Usage = Usage::Option(0, &["GT", "LT"]);

/// All features, by the name of the command.
static FEATURES: &[Feature] = &[
    command("BLMOVE", REDIS_6_2),
    command("BLMPOP", REDIS_7_0),
    command("BZMPOP", REDIS_7_0),
    command("COPY", REDIS_6_2),
    command("EVALSHA_RO", REDIS_7_0),
    command("EVAL_RO", REDIS_7_0),
    option(
        "EXPIRE",
        EXPIRE_CONDITIONS,
        "EXPIRE with a condition",
        REDIS_7_0,
    ),
    option(
        "EXPIREAT",
        EXPIRE_CONDITIONS,
        "EXPIREAT with a condition",
        REDIS_7_0,
    ),
    command("EXPIRETIME", REDIS_7_0),
    command("FCALL", REDIS_7_0),
    command("FCALL_RO", REDIS_7_0),
    command("FUNCTION", REDIS_7_0),
    command("GEOSEARCH", REDIS_6_2),
    command("GEOSEARCHSTORE", REDIS_6_2),
    command("GETDEL", REDIS_6_2),
    command("GETEX", REDIS_6_2),
    command("HEXPIRE", REDIS_7_4),
    command("HEXPIREAT", REDIS_7_4),
    command("HEXPIRETIME", REDIS_7_4),
    command("HGETEX", REDIS_8_0),
    command("HPERSIST", REDIS_7_4),
    command("HPEXPIRE", REDIS_7_4),
    command("HPEXPIREAT", REDIS_7_4),
    command("HPEXPIRETIME", REDIS_7_4),
    command("HPTTL", REDIS_7_4),
    command("HRANDFIELD", REDIS_6_2),
    command("HSETEX", REDIS_8_0),
    command("HTTL", REDIS_7_4),
    command("LCS", REDIS_7_0),
    command("LMOVE", REDIS_6_2),
    command("LMPOP", REDIS_7_0),
    option("LPOP", Usage::Args(1), "LPOP with a count", REDIS_6_2),
    option(
        "PEXPIRE",
        EXPIRE_CONDITIONS,
        "PEXPIRE with a condition",
        REDIS_7_0,
    ),
    option(
        "PEXPIREAT",
        EXPIRE_CONDITIONS,
        "PEXPIREAT with a condition",
        REDIS_7_0,
    ),
    command("PEXPIRETIME", REDIS_7_0),
    option("RPOP", Usage::Args(1), "RPOP with a count", REDIS_6_2),
    option(
        "SET",
        Usage::Option(1, &["IFEQ"]),
        "SET with IFEQ",
        REDIS_8_4,
    ),
    option("SET", Usage::Option(1, &["GET"]), "SET with GET", REDIS_6_2),
    option(
        "SET",
        Usage::Option(1, &["EXAT", "PXAT"]),
        "SET with EXAT or PXAT",
        REDIS_6_2,
    ),
    command("SINTERCARD", REDIS_7_0),
    command("SMISMEMBER", REDIS_6_2),
    option(
        "SORTED SET EXTEND",
        SCORE_CONDITIONS,
        "ZADD with GT or LT",
        REDIS_6_2,
    ),
    command("SORT_RO", REDIS_7_0),
    command("SPUBLISH", REDIS_7_0),
    command("WAITAOF", REDIS_7_2),
    option(
        "XADD",
        Usage::Option(0, &["NOMKSTREAM"]),
        "XADD with NOMKSTREAM",
        REDIS_6_2,
    ),
    command("XAUTOCLAIM", REDIS_6_2),
    option("ZADD", SCORE_CONDITIONS, "ZADD with GT or LT", REDIS_6_2),
    command("ZDIFF", REDIS_6_2),
    command("ZDIFFSTORE", REDIS_6_2),
    command("ZINTER", REDIS_6_2),
    command("ZINTERCARD", REDIS_7_0),
    command("ZMPOP", REDIS_7_0),
    command("ZMSCORE", REDIS_6_2),
    command("ZRANDMEMBER", REDIS_6_2),
    option(
        "ZRANGE",
        Usage::Option(2, &["BYSCORE", "BYLEX", "REV", "LIMIT"]),
        "ZRANGE with BYSCORE, BYLEX, REV or LIMIT",
        REDIS_6_2,
    ),
    command("ZRANGESTORE", REDIS_6_2),
    option(
        "ZRANK",
        Usage::Option(1, &["WITHSCORE"]),
        "ZRANK with WITHSCORE",
        REDIS_7_2,
    ),
    option(
        "ZREVRANK",
        Usage::Option(1, &["WITHSCORE"]),
        "ZREVRANK with WITHSCORE",
        REDIS_7_2,
    ),
    command("ZUNION", REDIS_6_2),
];

const fn command(command: &'static str, since: Since) -> Feature {
    option(command, Usage::Always, command, since)
}

const fn option(command: &'static str, usage: Usage, name: &'static str, since: Since) -> Feature {
    Feature {
        command,
        usage,
        name,
        since,
    }
}

impl Since {
    /// The version of Redis, and every Valkey.
    const fn redis(major: u16, minor: u16) -> Self {
        Self {
            redis: (major, minor),
            valkey: None,
        }
    }

    const fn valkey(self, major: u16, minor: u16) -> Self {
        Self {
            valkey: Some((major, minor)),
            ..self
        }
    }
}

impl Feature {
    /// Returns the feature that `command` uses and that some servers lack.
    pub(crate) fn of(command: &Command) -> Option<&'static Self> {
        let name = match command.name.bytes().any(|byte| byte.is_ascii_lowercase()) {
            true => Cow::Owned(command.name.to_ascii_uppercase()),
            false => Cow::Borrowed(command.name),
        };
        let start = FEATURES.partition_point(|feature| *feature.command < *name);
        FEATURES[start..]
            .iter()
            .take_while(|feature| feature.command == name)
            .find(|feature| feature.usage.is_in(command))
    }

    /// Returns whether a server is known to be too old for it. `product` is `redis` or `valkey`.
    pub(crate) fn is_missing(&self, product: &str, version: &str) -> bool {
        self.find(product, version) == Some(false)
    }

    /// Returns whether a server is known to have it.
    pub(crate) fn is_present(&self, product: &str, version: &str) -> bool {
        self.find(product, version) == Some(true)
    }

    /// Returns whether a server has it; `None` if its version is unknown.
    fn find(&self, product: &str, version: &str) -> Option<bool> {
        let version = parse(version)?;
        Some(match (product, self.since.valkey) {
            ("valkey", first) => first.is_none_or(|first| version >= first),
            _ => version >= self.since.redis,
        })
    }
}

/// Names the feature and the versions that have it.
impl fmt::Display for Feature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (major, minor) = self.since.redis;
        write!(f, "{} needs Redis {major}.{minor} or later", self.name)?;
        match self.since.valkey {
            Some((major, minor)) => write!(f, ", or Valkey {major}.{minor} or later"),
            None => f.write_str(", or Valkey"),
        }
    }
}

impl Usage {
    fn is_in(&self, command: &Command) -> bool {
        match self {
            Self::Always => true,
            Self::Args(least) => command.args.len() >= *least,
            Self::Option(skip, words) => {
                let args = command.args.iter().skip(*skip).cloned();
                // What follows the options, such as scores and elements, is data.
                let mut options = args
                    .map(Argument::into_bytes)
                    .take_while(|arg| !arg.is_empty() && arg.iter().all(u8::is_ascii_alphabetic));
                options.any(|arg| {
                    let is_word = |word: &&str| arg.eq_ignore_ascii_case(word.as_bytes());
                    words.iter().any(is_word)
                })
            }
        }
    }
}

/// Reads the first two numbers of a version.
fn parse(version: &str) -> Option<(u16, u16)> {
    let mut numbers = version.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Script;

    static EXTEND: Script = Script::write("SORTED SET EXTEND", "return 0");

    fn name(command: Command) -> Option<&'static str> {
        Feature::of(&command).map(|feature| feature.name)
    }

    #[test]
    fn table_is_sorted_by_command() {
        assert!(FEATURES.is_sorted_by_key(|feature| feature.command));
        for feature in FEATURES {
            let since = &feature.since;
            assert!(since.redis > (6, 0), "{feature}: every server has it");
        }
    }

    #[test]
    fn feature_is_found_by_command_and_option() {
        let zadd = || Command::write("ZADD").key("GT");
        for (command, expected) in [
            (Command::read("GET").key("k"), None),
            (Command::write("COPY").key("a").key("b"), Some("COPY")),
            (Command::read("hpttl").key("a"), Some("HPTTL")),
            (Command::write("LPOP").key("a"), None),
            (
                Command::write("LPOP").key("a").arg(1),
                Some("LPOP with a count"),
            ),
            (
                zadd().arg("XX").arg("GT").arg(1.5).arg("a"),
                Some("ZADD with GT or LT"),
            ),
            (zadd().arg("XX").arg(1.5).arg("GT"), None),
            (
                Command::script(&EXTEND).arg("CH").arg("LT").arg(1),
                Some("ZADD with GT or LT"),
            ),
            (Command::write("SET").key("k").arg("GET"), None),
            (
                Command::write("SET").key("k").arg("v").arg("NX").arg("GET"),
                Some("SET with GET"),
            ),
            (Command::write("PEXPIRE").key("k").arg(5), None),
            (
                Command::write("PEXPIRE").key("k").arg(5).arg("nx"),
                Some("PEXPIRE with a condition"),
            ),
            (
                Command::read("ZRANGE")
                    .key("k")
                    .arg(0)
                    .arg(1)
                    .arg("WITHSCORES"),
                None,
            ),
        ] {
            assert_eq!(name(command.clone()), expected, "{command:?}");
        }
    }

    #[test]
    fn versions_are_compared_as_numbers_of_the_product() {
        let feature = |name| Feature::of(&Command::read(name)).expect("a feature");
        for (name, product, version, missing) in [
            ("COPY", "redis", "6.0.16", true),
            ("COPY", "redis", "6.2.0", false),
            ("COPY", "redis", "10.0.0", false),
            ("COPY", "valkey", "7.2.4", false),
            ("HPTTL", "redis", "7.2.4", true),
            ("HPTTL", "valkey", "8.1.8", true),
            ("HPTTL", "valkey", "9.0.0", false),
            ("HPTTL", "redis", "unknown", false),
            ("HPTTL", "redis", "", false),
        ] {
            let is_missing = feature(name).is_missing(product, version);
            assert_eq!(is_missing, missing, "{name} on {product} {version}");
        }
        assert_eq!(
            feature("COPY").to_string(),
            "COPY needs Redis 6.2 or later, or Valkey"
        );
        let both = "HPTTL needs Redis 7.4 or later, or Valkey 9.0 or later";
        assert_eq!(feature("HPTTL").to_string(), both);
    }
}
