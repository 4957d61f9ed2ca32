//! A certificate for servers on this machine, and the file by which a client believes it.

use std::fs;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// A connection that nobody else can read.
pub(crate) type Wrapped = StreamOwned<ServerConnection, TcpStream>;

/// Who vouches for the servers of a test.
#[derive(Clone)]
pub(crate) struct Authority {
    config: Arc<ServerConfig>,
    pem: String,
}

impl Authority {
    /// For `127.0.0.1`, and for nobody else.
    pub(crate) fn new() -> Self {
        let names = vec!["127.0.0.1".to_owned()];
        let made = rcgen::generate_simple_self_signed(names).unwrap();
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        Self {
            config: Arc::new(config),
            pem: made.cert.pem(),
        }
    }

    /// Its certificate as a file in this folder.
    pub(crate) fn file(&self, folder: &Path) -> PathBuf {
        let file = folder.join("authority.pem");
        fs::write(&file, &self.pem).unwrap();
        file
    }

    /// Wraps a connection, as its server.
    pub(crate) fn wrap(&self, stream: TcpStream) -> Wrapped {
        let connection = ServerConnection::new(self.config.clone()).unwrap();
        StreamOwned::new(connection, stream)
    }
}
