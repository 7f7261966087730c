//! Ways to an engine: a local socket or pipe, or TCP with or without TLS.

#[cfg(unix)]
#[path = "unix.rs"]
mod local;
#[cfg(windows)]
#[path = "windows.rs"]
mod local;
mod tls;

use std::fmt;
use std::io;

use tamer_provider::{Fault, Result};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use crate::settings::TlsFiles;

pub(crate) use local::usual_places;

/// A connection, whatever it is made of.
pub(crate) trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

/// Where an engine listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Endpoint {
    /// A unix socket or a named pipe, by its path.
    Local(String),
    /// A host name or address, and a port.
    Tcp(String, u16),
}

impl Endpoint {
    /// Reads one from the configuration.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let bad = |why: &str| {
            Fault::spec("endpoint", format!("{text:?} is no endpoint: {why}"))
                .remedy(format!("write {}://PATH or tcp://HOST:PORT", local::SCHEME))
        };
        let Some((scheme, rest)) = text.split_once("://") else {
            return Err(bad("it has no scheme"));
        };
        match scheme {
            local::SCHEME if rest.starts_with('/') => Ok(Self::Local(rest.to_owned())),
            local::SCHEME => Err(bad("the path is not absolute")),
            "tcp" => {
                let (host, port) =
                    rest.trim_end_matches('/').rsplit_once(':').ok_or_else(|| bad("no port"))?;
                let port = port.parse().map_err(|_| bad("the port is not a number"))?;
                let host = host.trim_start_matches('[').trim_end_matches(']');
                if host.is_empty() {
                    return Err(bad("no host"));
                }
                Ok(Self::Tcp(host.to_owned(), port))
            }
            _ => Err(bad("the scheme is not known here")),
        }
    }

    /// Whether something is there that may be connected to. Asks the file system only.
    pub(crate) fn is_there(&self) -> bool {
        match self {
            Self::Local(path) => local::is_there(path),
            Self::Tcp(..) => true,
        }
    }

    /// Whether the engine sees the same file system as we do.
    pub(crate) const fn is_local(&self) -> bool {
        matches!(self, Self::Local(_))
    }

    /// Connects. The caller bounds the time.
    pub(crate) async fn connect(&self, tls: Option<&TlsFiles>) -> io::Result<Box<dyn Wire>> {
        match self {
            Self::Local(path) => local::connect(path).await,
            Self::Tcp(host, port) => {
                let stream = TcpStream::connect((host.as_str(), *port)).await?;
                stream.set_nodelay(true)?;
                match tls {
                    Some(files) => tls::wrap(stream, host, files).await,
                    None => Ok(Box::new(stream)),
                }
            }
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local(path) => write!(f, "{}://{path}", local::SCHEME),
            Self::Tcp(host, port) if host.contains(':') => write!(f, "tcp://[{host}]:{port}"),
            Self::Tcp(host, port) => write!(f, "tcp://{host}:{port}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_reads_back() {
        for text in ["tcp://10.0.0.1:2375", "tcp://[::1]:2376", "tcp://engine.example:2376"] {
            assert_eq!(Endpoint::parse(text).expect("it is well made").to_string(), text);
        }
        let local = format!("{}:///some/path", local::SCHEME);
        assert_eq!(Endpoint::parse(&local).expect("it is well made").to_string(), local);
    }

    #[test]
    fn what_is_no_endpoint_is_refused_by_name() {
        for text in ["", "/var/run/docker.sock", "tcp://host", "tcp://:1", "tcp://h:x", "ftp://h:1"]
        {
            let fault = Endpoint::parse(text).expect_err(text);
            assert_eq!(fault.field.as_deref(), Some("endpoint"), "{fault}");
        }
    }
}
