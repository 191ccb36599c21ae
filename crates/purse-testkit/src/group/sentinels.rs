//! A primary, its replicas, and the sentinels that watch them.

use crate::error::Error;
use crate::group::{copies, is_primary, wait_for};
use crate::protocol::reply::Reply;
use crate::server::Server;
use crate::server::builder::{ServerBuilder, quote};
use crate::server::queries::{answers, try_command};

const SENTINELS: usize = 3;

/// A primary with replicas, watched by three sentinels under the name [`Sentinels::NAME`].
///
/// Each server can be killed, paused and restarted like any [`Server`]. A primary that stays down
/// for two seconds (`down-after-milliseconds`) is replaced, if two sentinels agree.
///
/// ```
/// use purse_testkit::Sentinels;
///
/// let group = Sentinels::start(1)?;
/// let first = group.primary()?;
/// first.kill()?;
/// let second = group.fail_over()?;
/// assert_ne!(second.port(), first.port());
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Sentinels {
    servers: Vec<Server>,
    sentinels: Vec<Server>,
}

impl Sentinels {
    /// The name that the sentinels know the primary by.
    pub const NAME: &'static str = "purse";

    /// Starts a default server with this many replicas, and three sentinels, and waits until they
    /// are settled.
    ///
    /// # Errors
    ///
    /// The errors of [`ServerBuilder::start`] and of [`Sentinels::settle`].
    pub fn start(replicas: usize) -> Result<Self, Error> {
        Self::start_with(replicas, &Server::builder())
    }

    /// Like [`Sentinels::start`], with these settings for the primary and the replicas.
    ///
    /// # Errors
    ///
    /// The errors of [`Sentinels::start`].
    pub fn start_with(replicas: usize, settings: &ServerBuilder) -> Result<Self, Error> {
        let primary = settings.clone().start()?;
        let of = format!("{} {}", primary.host(), primary.port());
        let replica = settings.clone().config("replicaof", of);
        let sentinel = monitor(settings.sentinel(), &primary);
        let mut servers = vec![primary];
        for _ in 0..replicas {
            servers.push(replica.clone().start()?);
        }
        // A sentinel looks for replicas when it starts, and then only every ten seconds.
        wait_for("the replicas follow", || {
            let mut others = servers[1..].iter();
            Ok(others.all(|server| copies(server).is_some()).then_some(()))
        })?;
        let sentinels = (0..SENTINELS)
            .map(|_| sentinel.clone().start())
            .collect::<Result<_, _>>()?;
        let group = Self { servers, sentinels };
        wait_for("the sentinels know each other and the replicas", || {
            let knows_all = |sentinel| {
                let seen = |name| field(sentinel, name)?.parse::<usize>().ok();
                seen("num-other-sentinels") == Some(SENTINELS - 1)
                    && seen("num-slaves") == Some(replicas)
            };
            Ok(group.sentinels.iter().all(knows_all).then_some(()))
        })?;
        group.settle()?;
        Ok(group)
    }

    /// The address of the group by its name, with all sentinels, and the servers' password if there
    /// is one; the sentinels have none.
    ///
    /// ```
    /// use purse_testkit::Sentinels;
    ///
    /// let group = Sentinels::start(0)?;
    /// let first = group.sentinels()[0].port();
    /// assert!(group.url().starts_with(&format!("redis-sentinel://127.0.0.1:{first}")));
    /// # Ok::<_, purse_testkit::Error>(())
    /// ```
    pub fn url(&self) -> String {
        let [first, others @ ..] = self.sentinels.as_slice() else {
            unreachable!("there are three sentinels");
        };
        let credentials = self.servers[0].credentials();
        let mut url = format!(
            "redis-sentinel://{credentials}{}?sentinelServiceName={}",
            first.address(),
            Self::NAME
        );
        for sentinel in others {
            url.push_str("&node=");
            url.push_str(&sentinel.address());
        }
        url
    }

    /// The servers that keep the data, running or not; at the start the first one is the primary.
    pub fn servers(&self) -> &[Server] {
        &self.servers
    }

    /// The three sentinels, running or not.
    pub fn sentinels(&self) -> &[Server] {
        &self.sentinels
    }

    /// The primary that the sentinels name, running or not.
    ///
    /// # Errors
    ///
    /// [`Error::NotSettled`] if they do not agree.
    pub fn primary(&self) -> Result<&Server, Error> {
        wait_for("the sentinels name one primary", || {
            Ok(self.agreed_primary())
        })
    }

    /// Lets a replica take the place of the primary, and waits until that is settled; returns the
    /// new primary.
    ///
    /// If the primary is down, this waits until the sentinels detect it. A primary that runs
    /// becomes a replica of the new one (`SENTINEL FAILOVER`) and keeps the connections of its
    /// clients. Writes that it accepted after the new primary took over are lost.
    ///
    /// # Errors
    ///
    /// [`Error::NotSettled`] if no replica can take over, or if the failover does not end in time.
    pub fn fail_over(&self) -> Result<&Server, Error> {
        let old = self.primary()?;
        if answers(old) {
            wait_for("a sentinel starts to fail over", || Ok(self.begin()))?;
        }
        let new = wait_for("the sentinels name another primary", || {
            Ok(self.agreed_primary().filter(|new| new.port() != old.port()))
        })?;
        if answers(old) {
            // A sentinel does this, too, but only after ten seconds.
            let port = new.port().to_string();
            try_command(old, &["REPLICAOF", new.host(), &port]);
        }
        self.settle()?;
        Ok(new)
    }

    /// Waits until all sentinels that answer name the same primary, it answers and takes writes,
    /// and every other server that answers is a copy of it.
    ///
    /// An old primary that was restarted is made a replica after ten seconds.
    ///
    /// # Errors
    ///
    /// [`Error::NotSettled`] after thirty seconds.
    pub fn settle(&self) -> Result<(), Error> {
        wait_for("the sentinels and servers agree", || {
            Ok(self.is_settled().then_some(()))
        })
    }

    fn is_settled(&self) -> bool {
        let Some(primary) = self.agreed_primary() else {
            return false;
        };
        let mut watching = self.sentinels.iter().filter(|one| answers(one));
        let mut others = self.servers.iter().filter(|server| answers(server));
        // While one still deals with the last failover it takes no part in the next.
        watching.all(|one| field(one, "flags").as_deref() == Some("master"))
            && is_primary(primary)
            && others.all(|server| {
                server.port() == primary.port() || copies(server) == Some(primary.port())
            })
    }

    /// The primary that all sentinels that answer name.
    fn agreed_primary(&self) -> Option<&Server> {
        let ask = ["SENTINEL", "GET-MASTER-ADDR-BY-NAME", Self::NAME];
        let answers = self
            .sentinels
            .iter()
            .filter_map(|one| try_command(one, &ask));
        let ports: Vec<_> = answers.map(|address| port_in(&address)).collect();
        let (first, others) = ports.split_first()?;
        let port = first.filter(|_| others.iter().all(|other| other == first))?;
        self.servers.iter().find(|server| server.port() == port)
    }

    /// Tells a sentinel to fail over; `None` if that is not possible yet.
    fn begin(&self) -> Option<()> {
        let sentinel = self.sentinels.iter().find(|sentinel| answers(sentinel))?;
        try_command(sentinel, &["SENTINEL", "FAILOVER", Self::NAME]).map(drop)
    }
}

/// Settings of a sentinel for that primary.
fn monitor(sentinel: ServerBuilder, primary: &Server) -> ServerBuilder {
    let name = Sentinels::NAME;
    let quorum = SENTINELS / 2 + 1;
    let (host, port) = (primary.host(), primary.port());
    let mut settings = sentinel
        .config("sentinel", format!("monitor {name} {host} {port} {quorum}"))
        .config("sentinel", format!("down-after-milliseconds {name} 2000"))
        .config("sentinel", format!("failover-timeout {name} 3000"));
    if let Some(password) = primary.password() {
        let password = quote(password);
        settings = settings.config("sentinel", format!("auth-pass {name} {password}"));
    }
    settings
}

/// Returns a field of what a sentinel knows of the primary.
fn field(sentinel: &Server, name: &str) -> Option<String> {
    let known = try_command(sentinel, &["SENTINEL", "MASTER", Sentinels::NAME])?;
    let mut pairs = known.items().chunks_exact(2);
    let pair = pairs.find(|pair| pair[0].text() == Some(name))?;
    pair[1].text().map(str::to_owned)
}

fn port_in(address: &Reply) -> Option<u16> {
    address.items().get(1)?.text()?.parse().ok()
}
