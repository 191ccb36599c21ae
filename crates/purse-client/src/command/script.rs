//! Lua scripts.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::Effect;

/// A Lua script that runs on the server in one atomic step.
///
/// A script is meant for a `static`: its source is hashed once, and each connection sends the
/// source once. All keys that it uses must be among the keys of its command.
///
/// Scripts keep their order among the commands of a client to one node, also at their first use and
/// after a reconnect. There is one exception: if the server forgets a script while the connection
/// stays (SCRIPT FLUSH, or the eviction of scripts since Redis 7.4), the script is sent again after
/// the commands that were sent meanwhile. It runs once in any case. A script whose predecessors were
/// awaited keeps its order. In a batch, such a script fails with
/// [`NotSent`](crate::ErrorKind::NotSent) if a later write in its slot has run.
///
/// ```
/// use purse::Script;
///
/// static SWAP: Script = Script::write("SWAP", "return redis.call('GETSET', KEYS[1], ARGV[1])");
/// assert_eq!(SWAP.name(), "SWAP");
/// ```
#[derive(Debug)]
pub struct Script {
    name: &'static str,
    source: &'static str,
    effect: Effect,
    /// True if newer servers have a command of its name that does the same.
    is_stand_in: bool,
    computed: OnceLock<Computed>,
}

/// The values that are computed once per script.
#[derive(Debug)]
struct Computed {
    hash: String,
    id: usize,
}

/// The number of scripts that have an id.
static SCRIPTS: AtomicUsize = AtomicUsize::new(0);

impl Script {
    /// Creates a script that may change data. Errors name it `name`.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::{Command, Script};
    ///
    /// static TAKE: Script = Script::write(
    ///     "TAKE FROM STOCK",
    ///     "if tonumber(redis.call('GET', KEYS[1]) or 0) < 1 then return 0 end
    ///      redis.call('DECR', KEYS[1])
    ///      return 1",
    /// );
    /// let command = Command::script(&TAKE).key("stock");
    /// assert!(!client.run(command).await?.into_bool()?);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub const fn write(name: &'static str, source: &'static str) -> Self {
        Self::new(name, source, Effect::Write)
    }

    /// Creates a script that changes nothing. Errors name it `name`.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::{Command, Script};
    ///
    /// static BOTH: Script = Script::read(
    ///     "LENGTHS",
    ///     "return {redis.call('LLEN', KEYS[1]), redis.call('LLEN', KEYS[2])}",
    /// );
    /// let command = Command::script(&BOTH).key("{jobs}new").key("{jobs}done");
    /// let [new, done] = client.run(command).await?.into_array()?;
    /// assert_eq!((new.into_count()?, done.into_count()?), (0, 0));
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub const fn read(name: &'static str, source: &'static str) -> Self {
        Self::new(name, source, Effect::Read)
    }

    const fn new(name: &'static str, source: &'static str, effect: Effect) -> Self {
        Self {
            name,
            source,
            effect,
            is_stand_in: false,
            computed: OnceLock::new(),
        }
    }

    /// Makes the script a stand-in for the command of its name, with the same keys, arguments and
    /// reply. Servers that are known to have the command get the command; all others, and atomic
    /// batches, get the script.
    ///
    /// The command must be one of those that purse knows to be newer than Redis 6.0. Of all others,
    /// purse does not know which servers have them, so the script is always used.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::{Command, Script};
    ///
    /// static GETDEL: Script = Script::write(
    ///     "GETDEL",
    ///     "local value = redis.call('GET', KEYS[1])
    ///      if value then redis.call('DEL', KEYS[1]) end
    ///      return value",
    /// )
    /// .stand_in();
    /// client.run(Command::write("SET").key("name").arg("Ada")).await?;
    /// let name = client.run(Command::script(&GETDEL).key("name")).await?;
    /// assert_eq!(name.into_bytes()?, "Ada");
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub const fn stand_in(mut self) -> Self {
        self.is_stand_in = true;
        self
    }

    pub(crate) const fn is_stand_in(&self) -> bool {
        self.is_stand_in
    }

    /// Returns the name of the script in errors.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    pub(crate) const fn source(&self) -> &'static str {
        self.source
    }

    pub(crate) const fn effect(&self) -> Effect {
        self.effect
    }

    /// Returns the SHA-1 of the source, by which the server knows the script.
    pub(crate) fn hash(&self) -> &str {
        &self.compute_once().hash
    }

    /// Returns a small number that no other script of this process has.
    pub(crate) fn id(&self) -> usize {
        self.compute_once().id
    }

    fn compute_once(&self) -> &Computed {
        self.computed.get_or_init(|| Computed {
            hash: fred::util::sha1_hash(self.source),
            id: SCRIPTS.fetch_add(1, Ordering::Relaxed),
        })
    }
}
