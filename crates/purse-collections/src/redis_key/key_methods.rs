//! The methods that every collection has for its key.

/// Writes the example of one of the [`key_methods`]: a collection with an element, then `$end`.
macro_rules! key_example {
    ([$var:literal, $name:literal, $types:literal, $add:literal], $($end:literal),+) => {
        $crate::redis_key::key_example!([$var, $name, $types, $add, ")"], $($end),+)
    };
    (
        [$var:literal, $name:literal, $types:literal, $add:literal, $args:literal],
        $($end:literal),+
    ) => {
        concat!(
            "```\n",
            "# #[tokio::main] async fn main() -> purse::Result<()> {\n",
            "# let client = purse::Client::connect(&purse_testkit::Server::shared().url()).await?;\n",
            "use purse::", $name, ";\n\n",
            "let ", $var, ": ", $name, $types, " = ", $name, "::new(&client, \"", $var, "\"",
            $args, ";\n",
            $var, ".", $add, ".await?;\n",
            $($end,)+
            "\n# Ok(()) }\n```",
        )
    };
}

/// Defines the methods that every collection has for its key, by the path to its handle and the
/// words of its examples: a variable, the name and parameters of the type, a call that adds an
/// element, and the rest of the call of `new` after the key unless that is `)`. It is a macro because
/// they are inherent methods: callers need not import a trait.
macro_rules! key_methods {
    (
        $($handle:tt).+,
        [$var:literal, $name:literal, $types:literal, $add:literal $(, $args:literal)?]
    ) => {
        /// Creates a handle of the key. Sends nothing.
        ///
        #[doc = $crate::redis_key::key_example!(
            [$var, $name, $types, $add $(, $args)?],
            "assert_eq!(", $var, ".key().name(), b\"", $var, "\");\n",
            "assert!(", $var, ".key().key_type().await?.is_some());"
        )]
        #[must_use]
        pub fn key(&self) -> $crate::RedisKey {
            $crate::RedisKey::new(&self.$($handle).+.client, &self.$($handle).+.key)
        }

        /// Removes the whole collection after `ttl`, see
        /// [`RedisKey::expire`](crate::RedisKey::expire). Returns whether there is anything at the
        /// key.
        ///
        /// Redis: PEXPIRE. Time complexity: O(1). Round trips: 1.
        ///
        #[doc = $crate::redis_key::key_example!(
            [$var, $name, $types, $add $(, $args)?],
            "assert!(", $var, ".expire(std::time::Duration::from_secs(60)).await?);"
        )]
        #[doc(alias = "PEXPIRE")]
        pub fn expire(&self, ttl: std::time::Duration) -> purse_client::Op<bool> {
            self.key().expire(ttl)
        }

        /// Returns the time to live of the whole collection, see
        /// [`RedisKey::ttl`](crate::RedisKey::ttl).
        ///
        /// Redis: PTTL. Time complexity: O(1). Round trips: 1.
        ///
        #[doc = $crate::redis_key::key_example!(
            [$var, $name, $types, $add $(, $args)?],
            "assert_eq!(", $var, ".ttl().await?, purse::Ttl::Persistent);"
        )]
        #[doc(alias = "PTTL")]
        pub fn ttl(&self) -> purse_client::Op<$crate::Ttl> {
            self.key().ttl()
        }

        /// Returns whether there is anything at the key, see
        /// [`RedisKey::exists`](crate::RedisKey::exists).
        ///
        /// Redis: EXISTS. Time complexity: O(1). Round trips: 1.
        ///
        #[doc = $crate::redis_key::key_example!(
            [$var, $name, $types, $add $(, $args)?],
            "assert!(", $var, ".exists().await?);"
        )]
        #[doc(alias = "EXISTS")]
        pub fn exists(&self) -> purse_client::Op<bool> {
            self.key().exists()
        }

        /// Removes all elements and the key, see [`RedisKey::delete`](crate::RedisKey::delete).
        /// Returns whether there was anything at the key.
        ///
        /// Redis: UNLINK. Time complexity: O(1). Round trips: 1.
        ///
        #[doc = $crate::redis_key::key_example!(
            [$var, $name, $types, $add $(, $args)?],
            "assert!(", $var, ".clear().await?);\n",
            "assert!(!", $var, ".exists().await?);"
        )]
        #[doc(alias = "UNLINK")]
        #[doc(alias = "DEL")]
        #[doc(alias = "delete_redis_key")]
        pub fn clear(&self) -> purse_client::Op<bool> {
            self.key().delete()
        }
    };
}

pub(crate) use {key_example, key_methods};
