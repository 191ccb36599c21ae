//! A peer in a process of its own, which reads requests and writes responses, a line of JSON each.

use std::ffi::OsString;
use std::process::Stdio;

use futures::future::BoxFuture;
use serde::Deserialize;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::Mutex;

use crate::peers::Peer;
use crate::protocol::{Request, Response, Result};

pub(crate) struct PeerProcess {
    pid: Option<u32>,
    pipes: Mutex<Pipes>,
    // Dropping it kills the process.
    _child: Child,
}

struct Pipes {
    requests: ChildStdin,
    responses: Lines<BufReader<ChildStdout>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Line {
    Error { error: String },
    Response(Response),
}

impl PeerProcess {
    /// Starts a process, and waits until it is ready: its first line is an empty response.
    pub(crate) async fn start(command: Vec<OsString>, urls: &[String]) -> Result<Self> {
        let (program, args) = command.split_first().ok_or("no command")?;
        let mut child = Command::new(program)
            .args(args)
            .args(urls)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let requests = child.stdin.take().ok_or("no pipe to the peer")?;
        let responses = child.stdout.take().ok_or("no pipe from the peer")?;
        let mut pipes = Pipes {
            requests,
            responses: BufReader::new(responses).lines(),
        };
        pipes.read_response().await?;
        Ok(Self {
            pid: child.id(),
            pipes: Mutex::new(pipes),
            _child: child,
        })
    }
}

impl Peer for PeerProcess {
    fn run<'a>(&'a self, request: &'a Request) -> BoxFuture<'a, Result<Response>> {
        Box::pin(async move {
            let mut pipes = self.pipes.lock().await;
            let mut line = serde_json::to_string(request)?;
            line.push('\n');
            pipes.requests.write_all(line.as_bytes()).await?;
            pipes.requests.flush().await?;
            pipes.read_response().await
        })
    }

    fn pid(&self) -> Option<u32> {
        self.pid
    }
}

impl Pipes {
    async fn read_response(&mut self) -> Result<Response> {
        let line = self.responses.next_line().await?;
        match serde_json::from_str(&line.ok_or("the process of the peer has ended")?)? {
            Line::Response(response) => Ok(response),
            Line::Error { error } => Err(error.into()),
        }
    }
}

/// Lets a peer of this process serve another process.
pub(super) async fn serve(peer: &dyn Peer) -> Result<()> {
    let mut requests = BufReader::new(tokio::io::stdin()).lines();
    println!("{}", serde_json::to_string(&Response::default())?);
    while let Some(line) = requests.next_line().await? {
        let response = match peer.run(&serde_json::from_str(&line)?).await {
            Ok(response) => serde_json::to_value(response)?,
            Err(error) => serde_json::json!({ "error": error.to_string() }),
        };
        println!("{response}");
    }
    Ok(())
}
