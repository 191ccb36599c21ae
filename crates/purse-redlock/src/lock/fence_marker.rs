//! Whether a lock comes with a fence, as a type.

/// The mark of locks without a fence: [`Redlock`](crate::Redlock) makes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unfenced(());

/// The mark of locks with a fence: [`FencedRedlock`](crate::FencedRedlock) makes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fenced(pub(crate) u64);

/// [`Fenced`] or [`Unfenced`]; there is no third.
pub trait Fencing: sealed::Mark {}

impl Fencing for Unfenced {}
impl Fencing for Fenced {}

pub(crate) mod sealed {
    use super::{Fenced, Unfenced};

    #[allow(unnameable_types, reason = "nobody else is to implement it")]
    pub trait Mark: Copy + Send + Sync + Unpin + 'static {
        /// Whether the masters are asked for a fence.
        const IS_FENCED: bool;

        /// The mark of a lock that was acquired with this fence, which is 0 if none was asked for.
        fn with(fence: u64) -> Self;
    }

    impl Mark for Unfenced {
        const IS_FENCED: bool = false;

        fn with(_: u64) -> Self {
            Self(())
        }
    }

    impl Mark for Fenced {
        const IS_FENCED: bool = true;

        fn with(fence: u64) -> Self {
            Self(fence)
        }
    }
}
