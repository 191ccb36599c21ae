//! What the masters tell of a lock that somebody waits for.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as Task, Poll};
use std::time::Duration;

use bytes::Bytes;
use purse_client::Result;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};

use crate::master::MasterHandle;
use crate::master::{ChangeFuture, KeyState};
use crate::state::context::Context;

/// How long a master may take to say how a lock is, connecting included. Nobody waits for it.
const LONGEST_LOOK: Duration = Duration::from_secs(5);

/// What is known of the lock on one master.
enum View {
    /// Nothing.
    Blind,
    /// It is being asked.
    Looking(oneshot::Receiver<Result<KeyState>>),
    /// Somebody has it there, for so long if there is an end; and we will hear of a change.
    Taken {
        until: Option<Instant>,
        changed: ChangeFuture,
    },
    /// Nobody had it there when it was asked.
    Free,
    /// It is not as it was any more, or may not be.
    Changed,
}

/// What is known of the lock on all masters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outlook {
    /// A quorum may be free.
    MayBeFree,
    /// It is not, and we will hear of it.
    Watched,
    /// Too few masters tell.
    Blind,
}

pub(crate) struct Sights(Vec<View>);

impl Sights {
    pub(crate) fn new(masters: usize) -> Self {
        Self((0..masters).map(|_| View::Blind).collect())
    }

    /// Asks those masters of which nothing is known that still holds.
    pub(crate) fn look(&mut self, context: &Arc<Context>, keys: &Arc<[Bytes]>) {
        let now = Instant::now();
        for (master, view) in self.0.iter_mut().enumerate() {
            let is_known = match view {
                View::Looking(_) => true,
                View::Taken { until, .. } => until.is_none_or(|until| until > now),
                View::Blind | View::Free | View::Changed => false,
            };
            if !is_known {
                *view = View::Looking(start(context, master, keys));
            }
        }
    }

    pub(crate) fn outlook(&self, needed: usize) -> Outlook {
        let count = |is: fn(&View) -> bool| self.0.iter().filter(|view| is(view)).count();
        let changed = count(|view| matches!(view, View::Changed));
        let free = count(|view| matches!(view, View::Free)) + changed;
        let taken = count(|view| matches!(view, View::Taken { .. }));
        let is_watched = free + taken >= needed;
        // Where too few tell, what one of them does is the best sign there is.
        if free >= needed || !is_watched && changed > 0 {
            Outlook::MayBeFree
        } else if is_watched {
            Outlook::Watched
        } else {
            Outlook::Blind
        }
    }

    /// When a quorum will be free if nobody extends or releases, if that is known.
    pub(crate) fn end(&self, needed: usize) -> Option<Instant> {
        let now = Instant::now();
        let mut ends: Vec<_> = self
            .0
            .iter()
            .filter_map(|view| match view {
                View::Taken { until, .. } => *until,
                View::Free | View::Changed => Some(now),
                View::Blind | View::Looking(_) => None,
            })
            .collect();
        ends.sort_unstable();
        ends.get(needed.checked_sub(1)?).copied()
    }

    /// The masters on which somebody has it.
    pub(crate) fn taken(&self) -> Vec<usize> {
        let views = self.0.iter().enumerate();
        let taken = views.filter(|(_, view)| matches!(view, View::Taken { .. }));
        taken.map(|(master, _)| master).collect()
    }

    /// Resolves once something else is known than before.
    pub(crate) async fn changed(&mut self) {
        poll_fn(|task| {
            let news = self.0.iter_mut().filter_map(|view| {
                let news = view.news(task)?;
                *view = news;
                Some(())
            });
            match news.count() {
                0 => Poll::Pending,
                _ => Poll::Ready(()),
            }
        })
        .await;
    }
}

impl View {
    /// What it has become.
    fn news(&mut self, task: &mut Task<'_>) -> Option<Self> {
        match self {
            Self::Looking(answer) => match Pin::new(answer).poll(task) {
                Poll::Ready(Ok(Ok(sighting))) => Some(Self::of(sighting)),
                Poll::Ready(_) => Some(Self::Blind),
                Poll::Pending => None,
            },
            Self::Taken { changed, .. } => {
                let is_changed = changed.as_mut().poll(task).is_ready();
                is_changed.then_some(Self::Changed)
            }
            Self::Blind | Self::Free | Self::Changed => None,
        }
    }

    fn of(sighting: KeyState) -> Self {
        let now = Instant::now();
        match sighting.free_in {
            Some(Duration::ZERO) => Self::Free,
            time => Self::Taken {
                until: time.and_then(|time| now.checked_add(time)),
                changed: sighting.changed,
            },
        }
    }
}

/// Has a task ask a master, which ends once it answered or nobody waits any more.
fn start(
    context: &Arc<Context>,
    master: usize,
    keys: &Arc<[Bytes]>,
) -> oneshot::Receiver<Result<KeyState>> {
    let (mut sender, answer) = oneshot::channel();
    let (shared, keys) = (context.clone(), keys.clone());
    context.runtime.spawn(async move {
        let MasterHandle {
            master,
            watch_permits,
            ..
        } = &shared.masters.handles[master];
        let looking = timeout(LONGEST_LOOK, async {
            // It is never closed.
            let _permit = watch_permits.acquire().await;
            master.watch(keys).await
        });
        tokio::select! {
            biased;
            () = sender.closed() => {}
            Ok(sighting) = looking => {
                let _ = sender.send(sighting);
            }
            // Where it took too long, the sender is dropped.
            else => {}
        }
    });
    answer
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::ms;

    fn sights(views: &str) -> Sights {
        let view = |letter| match letter {
            'b' => View::Blind,
            'l' => View::Looking(oneshot::channel().1),
            't' => View::Taken {
                until: Some(Instant::now() + ms(500)),
                changed: Box::pin(std::future::pending()),
            },
            'f' => View::Free,
            _ => View::Changed,
        };
        Sights(views.chars().map(view).collect())
    }

    #[test]
    fn an_outlook_is_of_a_quorum() {
        use Outlook::{Blind, MayBeFree, Watched};
        for (views, outlook) in [
            ("bbb", Blind),
            ("lll", Blind),
            ("tlb", Blind),
            ("ttb", Watched),
            ("ttt", Watched),
            ("ttf", Watched),
            ("ttc", Watched),
            ("tcb", Watched),
            ("fbb", Blind),
            ("tff", MayBeFree),
            ("tfc", MayBeFree),
            ("ccb", MayBeFree),
            // Nothing better will be heard.
            ("cbb", MayBeFree),
            ("clb", MayBeFree),
        ] {
            assert_eq!(sights(views).outlook(2), outlook, "{views}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_end_is_that_of_a_quorum() {
        let now = Instant::now();
        assert_eq!(sights("tbb").end(2), None);
        assert_eq!(sights("ttb").end(2), Some(now + ms(500)));
        assert_eq!(sights("tfb").end(2), Some(now + ms(500)));
        assert_eq!(sights("tfc").end(2), Some(now));
    }
}
