//! Type parameters that say whether a lock comes with a fence.

/// The marker of locks without a fence, which [`Redlock`](crate::Redlock) creates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unfenced(());

/// The marker of locks with a fence, which [`FencedRedlock`](crate::FencedRedlock) creates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fenced(pub(crate) u64);

/// The set of the two markers [`Fenced`] and [`Unfenced`]. It is sealed.
pub trait Fencing: sealed::Mark {}

impl Fencing for Unfenced {}
impl Fencing for Fenced {}

pub(crate) mod sealed {
    use super::{Fenced, Unfenced};

    #[allow(unnameable_types, reason = "the trait is sealed")]
    pub trait Mark: Copy + Send + Sync + Unpin + 'static {
        /// True if the masters are asked for a fence.
        const IS_FENCED: bool;

        /// Creates the marker of a lock that was acquired with this fence, which is 0 if none was
        /// requested.
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
