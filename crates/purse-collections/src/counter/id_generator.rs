//! Ids that are unique among all processes, handed out from blocks.
//!
//! A block is fetched by `INCRBY`. The future that fetches the next block is polled once when half
//! of a block is used, which sends the command; the call that needs the block polls it to its end.
//! So no task is needed. The future lives in the state, so that a dropped call does not lose a block.

use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use futures::FutureExt;
use futures::future::BoxFuture;
use futures::lock::Mutex;
use purse_client::{Client, Command, Error, ErrorKind, Op, Reply, Result, Script};

use crate::RedisKey;
use crate::handle::Handle;

static BLOCK: Script = Script::write(
    "ID BLOCK",
    concat!(
        include_str!("../lua/is_less.lua"),
        include_str!("../lua/id_block.lua")
    ),
);
static ADVANCE: Script = Script::write("ID ADVANCE", include_str!("../lua/id_advance.lua"));

/// The number of ids in a block.
const BLOCK_SIZE: u32 = 1_000;

/// A generator of numbers that no other process gets: ids.
///
/// The first id of a key is 1. The server assigns a block of 1,000 ids, or of
/// [another size](Self::block_size), and the generator hands them out without a round trip. When
/// half of a block is used, the generator asks for the next one. The ids of one generator and its
/// clones increase; the ids of several processes are mixed.
///
/// - A process that ends leaves a gap. So does a lost reply: the generator asks again, and skips the
///   block that it may have been assigned.
/// - If the key is lost or reset, the ids would start again. The generator knows the ids that it was
///   assigned itself, and a [floor](Self::floor) that the program gives it. It refuses to go below
///   either of them: see [`advance_to`](Self::advance_to).
/// - A failover that loses the last writes of the server may assign a block again, to a process that
///   does not know of it. Let the replicas confirm the writes, or leave a gap by `advance_to`.
///
/// ```
/// # #[tokio::main] async fn main() -> purse::Result<()> {
/// # let url = purse_testkit::Server::shared().url();
/// use purse::{Client, RedisIdGenerator};
///
/// let client = Client::connect(&url).await?;
/// let orders = RedisIdGenerator::new(&client, "order ids");
/// assert_eq!(orders.next_id().await?, 1);
/// assert_eq!(orders.next_id().await?, 2);
///
/// // In another process, say.
/// let other = RedisIdGenerator::new(&client, "order ids");
/// assert_eq!(other.next_id().await?, 1_001);
/// # Ok(()) }
/// ```
#[derive(Clone)]
#[doc(alias = "RIdGenerator")]
#[doc(alias = "NextID")]
pub struct RedisIdGenerator {
    handle: Handle<()>,
    block_size: u32,
    floor: u64,
    blocks: Arc<Mutex<Blocks>>,
}

/// The ids that a generator has.
#[derive(Default)]
struct Blocks {
    /// The last id that was handed out, or the end of the ids that were skipped.
    last: u64,
    /// The last id of the block.
    end: u64,
    /// The size of the block.
    size: u32,
    /// The request for the next block; it returns the last id of the block and its size.
    request: Option<BoxFuture<'static, Result<(u64, u32)>>>,
}

impl RedisIdGenerator {
    /// Creates a generator of the ids at `key`. Sends nothing.
    ///
    /// Clones share their blocks. A generator that is created again has blocks of its own.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisIdGenerator;
    ///
    /// let orders = RedisIdGenerator::new(&client, "order ids");
    /// assert!(orders.clone().next_id().await? < orders.next_id().await?);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn new(client: &Client, key: impl AsRef<[u8]>) -> Self {
        Self {
            handle: Handle::new(client, key),
            block_size: BLOCK_SIZE,
            floor: 0,
            blocks: Arc::default(),
        }
    }

    /// Sets the number of ids in a block. Large blocks take fewer round trips, and leave larger
    /// gaps.
    ///
    /// [`next_id`](Self::next_id) fails with [`InvalidInput`](ErrorKind::InvalidInput) if it is
    /// zero.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisIdGenerator;
    ///
    /// // No gaps, and a round trip for each id.
    /// let invoices = RedisIdGenerator::new(&client, "invoice ids").block_size(1);
    /// let other = RedisIdGenerator::new(&client, "invoice ids").block_size(1);
    /// assert_eq!(invoices.next_id().await?, 1);
    /// assert_eq!(other.next_id().await?, 2);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub const fn block_size(mut self, ids: u32) -> Self {
        self.block_size = ids;
        self
    }

    /// Sets an id that is known to be assigned, such as the highest one in a database. The generator
    /// fails instead of handing out an id up to it.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisIdGenerator;
    ///
    /// let orders = RedisIdGenerator::new(&client, "order ids").floor(4_711);
    /// assert!(orders.next_id().await.is_err(), "the key is new, or it was lost");
    /// orders.advance_to(4_711).await?;
    /// assert_eq!(orders.next_id().await?, 4_712);
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub const fn floor(mut self, id: u64) -> Self {
        self.floor = id;
        self
    }

    /// Creates a handle of the key. Sends nothing.
    ///
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisIdGenerator;
    ///
    /// let orders = RedisIdGenerator::new(&client, "order ids");
    /// assert_eq!(orders.key().name(), b"order ids");
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn key(&self) -> RedisKey {
        RedisKey::new(&self.handle.client, &self.handle.key)
    }

    /// Returns the next id.
    ///
    /// Calls that wait for a block wait one after the other.
    ///
    /// Redis: GET and INCRBY in a script. Time complexity: O(1). Round trips: none while the
    /// generator has ids; 1 for each block.
    ///
    /// # Errors
    /// [`Server`](ErrorKind::Server) with the code `ERR` if the key holds no number, if it was lost
    /// or reset, or if there are no ids left in `i64`. [`Timeout`](ErrorKind::Timeout) if no reply
    /// arrived in time: a block may be skipped.
    ///
    /// # Cancel safety
    /// If the future is dropped, no id is lost.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisIdGenerator;
    ///
    /// let orders = RedisIdGenerator::new(&client, "order ids");
    /// let id = orders.next_id().await?;
    /// assert!(id < orders.next_id().await?);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "GET")]
    #[doc(alias = "INCRBY")]
    #[doc(alias = "INCR")]
    #[doc(alias = "nextId")]
    pub async fn next_id(&self) -> Result<u64> {
        let mut blocks = self.blocks.lock().await;
        if blocks.last == blocks.end {
            self.refill(&mut blocks).await?;
        }
        blocks.last += 1;
        let left = blocks.end - blocks.last;
        if left > 0 && 2 * left <= u64::from(blocks.size) && blocks.request.is_none() {
            self.request_ahead(&mut blocks).await;
        }
        Ok(blocks.last)
    }

    /// Lets the ids continue after `id`, if they are not that far yet. Returns the last id that is
    /// assigned. Ids that a generator has already are still handed out.
    ///
    /// Redis: GET and SET in a script. Time complexity: O(1). Round trips: 1.
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput) for more than `i64` can hold.
    /// [`Server`](ErrorKind::Server) with the code `ERR` if the key holds no number.
    ///
    /// # Examples
    /// ```
    /// # #[tokio::main] async fn main() -> purse::Result<()> {
    /// # let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;
    /// use purse::RedisIdGenerator;
    ///
    /// let orders = RedisIdGenerator::new(&client, "order ids");
    /// assert_eq!(orders.advance_to(500).await?, 500);
    /// assert_eq!(orders.advance_to(100).await?, 500);
    /// assert_eq!(orders.next_id().await?, 501);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "GET")]
    #[doc(alias = "SET")]
    #[doc(alias = "tryInit")]
    pub fn advance_to(&self, id: u64) -> Op<u64> {
        let args = |command: Command| {
            let id = i64::try_from(id).map_err(|_| invalid("the id is more than i64 holds"))?;
            Ok(command.arg(id.to_string()))
        };
        self.handle
            .try_op(args, Command::script(&ADVANCE), Reply::into_count)
    }

    /// Waits for the next block.
    async fn refill(&self, blocks: &mut Blocks) -> Result<()> {
        if let Some(request) = &mut blocks.request {
            // If the request that was sent ahead failed, that was some time ago.
            let block = request.await;
            blocks.request = None;
            if let Ok(block) = block {
                return self.add(blocks, block);
            }
        }
        let request = self.request(blocks.end)?;
        let block = blocks.request.insert(request).await;
        blocks.request = None;
        self.add(blocks, block?)
    }

    /// Sends the request for the next block, and does not wait for its reply.
    async fn request_ahead(&self, blocks: &mut Blocks) {
        let Ok(mut request) = self.request(blocks.end) else {
            return;
        };
        let outcome = poll_fn(|cx| Poll::Ready(request.poll_unpin(cx))).await;
        // What fails at once is asked for again when it is needed.
        if outcome.is_pending() {
            blocks.request = Some(request);
        }
    }

    /// Makes the request for a block after the ids up to `end`.
    fn request(&self, end: u64) -> Result<BoxFuture<'static, Result<(u64, u32)>>> {
        let handle = self.handle.clone();
        let size = self.block_size;
        let floor = end.max(self.floor);
        let command = match (size, i64::try_from(floor)) {
            (0, _) => Err(invalid("a block must have ids")),
            (_, Err(_)) => Err(invalid("the floor is more than i64 holds")),
            (_, Ok(floor)) => Ok(Command::script(&BLOCK).arg(size).arg(floor.to_string())),
        };
        let command = command.map_err(|error| handle.about(BLOCK.name(), error))?;
        let request = async move {
            let replied = handle.client.run_repeatable(handle.on_key(command)).await;
            let last = replied.and_then(Reply::into_count);
            let last = last.map_err(|error| handle.about(BLOCK.name(), harmless(error)))?;
            Ok((last, size))
        };
        Ok(request.boxed())
    }

    /// Adds a block to the ids, which has none left.
    fn add(&self, blocks: &mut Blocks, (end, size): (u64, u32)) -> Result<()> {
        let last = end.checked_sub(u64::from(size));
        // The server compares with the floor, so this cannot happen.
        let last = last.filter(|last| *last >= blocks.end).ok_or_else(|| {
            let error = Error::new(ErrorKind::Protocol, "the block was assigned before");
            self.handle.about(BLOCK.name(), error)
        })?;
        (blocks.last, blocks.end, blocks.size) = (last, end, size);
        Ok(())
    }
}

/// Returns the error of a request that may have run: a block that is skipped does no harm.
fn harmless(error: Error) -> Error {
    if !error.is_ambiguous() {
        return error;
    }
    let message = "no reply in time; a block of ids may be skipped";
    Error::new(ErrorKind::Timeout, message).with_source(error)
}

fn invalid(message: &'static str) -> Error {
    Error::new(ErrorKind::InvalidInput, message)
}

impl fmt::Debug for RedisIdGenerator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RedisIdGenerator({:?})", self.handle)
    }
}
