//! A list in pages.

use std::collections::VecDeque;

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::{Stream, stream};
use purse_client::{Client, Command, Reply, Result, Script};

use crate::bulk::sent;

static PAGE: Script = Script::read("LRANGE", include_str!("lua/list_page.lua"));

/// How many pages are under way at once, from the second one on.
const MOST: usize = 2;

/// The pages of a list, `size` elements each, from front to back.
///
/// An index says where a page is before the one ahead of it has come, so two can be under way. The
/// first page is not followed by others that nobody may want; and since each tells how long the
/// list is, none is asked for behind its end.
pub(crate) fn slices(
    client: Client,
    key: Bytes,
    size: usize,
) -> impl Stream<Item = Result<Vec<Reply>>> + Send + 'static {
    let start = Slices {
        client,
        key,
        size,
        next: 0,
        running: VecDeque::new(),
    };
    stream::try_unfold(Some(start), |slices| async move {
        match slices {
            Some(slices) => slices.turn().await.map(Some),
            None => Ok(None),
        }
    })
}

struct Slices {
    client: Client,
    key: Bytes,
    size: usize,
    /// The index that comes after the pages that were asked for.
    next: usize,
    running: VecDeque<BoxFuture<'static, Result<Reply>>>,
}

impl Slices {
    /// Waits for a page; with where to go on, unless that was the last.
    async fn turn(mut self) -> Result<(Vec<Reply>, Option<Self>)> {
        if self.running.is_empty() {
            self.ask().await;
        }
        let Some(page) = self.running.pop_front() else {
            return Ok((Vec::new(), None));
        };
        let [length, page] = page.await?.into_array()?;
        let length = length.into_count()?;
        let is_first = self.next == self.size;
        while !is_first && self.running.len() < MOST && self.is_within(length) {
            self.ask().await;
        }
        let goes_on = !self.running.is_empty() || self.is_within(length);
        Ok((page.into_list()?, goes_on.then_some(self)))
    }

    fn is_within(&self, length: u64) -> bool {
        u64::try_from(self.next).is_ok_and(|next| next < length)
    }

    /// Asks for the next page.
    async fn ask(&mut self) {
        let command = Command::script(&PAGE)
            .key(self.key.clone())
            .arg(self.next)
            .arg(self.next + self.size - 1);
        self.next += self.size;
        self.running
            .push_back(sent(self.client.op(command, Ok)).await);
    }
}
