//! Pages of a multimap. The position of a page is the last entry or key before it, which stays valid
//! while entries are added and removed.

use bytes::Bytes;
use futures::Stream;
use purse_client::{Client, Command, Reply, Result, Script, prefetch_pages};

use super::entry::{Bounds, bound_after};
use crate::element_stream::PAGE;

/// The command that reads entries.
pub(super) const ENTRIES: &str = "ZRANGEBYLEX";
pub(super) static KEYS: Script =
    Script::read("MULTIMAP KEYS", include_str!("../lua/multimap_keys.lua"));

/// The pages of the entries within `bounds`.
pub(super) fn entry_pages(
    client: &Client,
    key: Bytes,
    bounds: Bounds,
) -> impl Stream<Item = Result<Vec<Reply>>> + Send + 'static {
    let client = client.clone();
    prefetch_pages(bounds.lower, move |lower| {
        let command = Command::read(ENTRIES).key(key.clone());
        let command = command.arg(lower).arg(bounds.upper.clone());
        let page = client.op(command.arg("LIMIT").arg(0).arg(PAGE), Reply::into_list);
        async move {
            let page = page.await?;
            let last = page.last().filter(|_| page.len() == PAGE).cloned();
            let last = last.map(Reply::into_bytes).transpose()?;
            let next = last.map(|last| bound_after(&last));
            Ok((page, next))
        }
    })
}

/// The pages of the keys. Each is the text before the values of its entries, or an element that is
/// not an entry.
pub(super) fn key_pages(
    client: &Client,
    key: Bytes,
) -> impl Stream<Item = Result<Vec<Reply>>> + Send + 'static {
    let client = client.clone();
    prefetch_pages(Bounds::all().lower, move |lower| {
        let command = Command::script(&KEYS).key(key.clone());
        let page = client.op(command.arg(lower).arg(PAGE), |reply| {
            let [next, page] = reply.into_array()?;
            Ok((next.into_bytes()?, page.into_list()?))
        });
        async move {
            let (next, page) = page.await?;
            Ok((page, (!next.is_empty()).then_some(next)))
        }
    })
}
