//! Somebody else's package registry: Debian's `docker-registry`, with its blobs in a folder that a test can reach.
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::{program, wait};

/// A running registry at a free port of loopback. Dropping it ends it.
pub struct Registry {
    /// `127.0.0.1:PORT`, as an address of a package begins.
    pub host: String,
    child: Child,
    folder: TempDir,
}

impl Registry {
    /// An empty registry, ready to be asked.
    pub fn start() -> Self {
        let program = program::debian("docker-registry");
        let folder = tempfile::tempdir().expect("a folder can be made");
        loop {
            let host = format!("127.0.0.1:{}", free_port());
            let config = folder.path().join("registry.yml");
            let text = format!(
                "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {:?}}}}}\nhttp: {{addr: {host:?}}}\n",
                folder.path()
            );
            std::fs::write(&config, text).expect("its configuration can be written");
            let mut command = Command::new(&program);
            command.arg("serve").arg(&config).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            let mut child = command.spawn().expect("the registry can be started");
            let ready = wait::until("the registry", || {
                // Somebody else may have taken the port meanwhile.
                if let Ok(Some(_)) = child.try_wait() {
                    return Ok(false);
                }
                let answer = ureq::get(format!("http://{host}/v2/")).call();
                answer.map(|_| true).map_err(|error| error.to_string())
            });
            if ready {
                return Self { host, child, folder };
            }
        }
    }

    /// The address of a package here.
    pub fn address(&self, rest: &str) -> String {
        format!("oci://{}/{rest}", self.host)
    }

    /// The file of a blob, by its SHA-256 in hex.
    pub fn blob(&self, digest: &str) -> PathBuf {
        let blobs = self.folder.path().join("docker/registry/v2/blobs/sha256");
        blobs.join(&digest[..2]).join(digest).join("data")
    }

    /// Ends it; the answer is where nobody listens any more.
    pub fn stop(mut self) -> String {
        self.end();
        self.host.clone()
    }

    fn end(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.end();
    }
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    listener.local_addr().expect("a listener has an address").port()
}
