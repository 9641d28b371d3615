//! Programs that the tests need beside Rust and Node.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, bail};

use crate::command::{succeed, succeeds};
use crate::stage::say;

/// A program and the Debian package that carries it.
pub(crate) struct Tool {
    /// Command that answers when the program is there.
    pub check: &'static [&'static str],
    /// Debian package.
    pub package: &'static str,
}

/// The browser of the end-to-end tests.
pub(crate) const CHROMIUM: Tool = Tool {
    check: &["chromium", "--version"],
    package: "chromium",
};
/// The other browser of the end-to-end tests.
pub(crate) const FIREFOX: Tool = Tool {
    check: &["firefox-esr", "--version"],
    package: "firefox-esr",
};
/// Network namespaces for the end-to-end tests.
pub(crate) const IPROUTE: Tool = Tool {
    check: &["ip", "-V"],
    package: "iproute2",
};
/// The Python of the conformance clients.
pub(crate) const PYTHON_VENV: Tool = Tool {
    check: &["python3", "-c", "import ensurepip, venv"],
    package: "python3-venv",
};
/// A WebRTC stack whose certificates are RSA.
pub(crate) const GSTREAMER: &[Tool] = &[
    Tool {
        check: &[
            "/usr/bin/python3",
            "-c",
            "import gi; gi.require_version('GstWebRTC', '1.0')",
        ],
        package: "gir1.2-gst-plugins-bad-1.0",
    },
    Tool {
        check: &["/usr/bin/python3", "-c", "import gi"],
        package: "python3-gi",
    },
    Tool {
        check: &["sh", "-c", "ls /usr/lib/*/gstreamer-1.0/libgstwebrtc.so"],
        package: "gstreamer1.0-plugins-bad",
    },
    Tool {
        check: &["sh", "-c", "ls /usr/lib/*/gstreamer-1.0/libgstnice.so"],
        package: "gstreamer1.0-nice",
    },
    Tool {
        check: &["sh", "-c", "ls /usr/lib/*/gstreamer-1.0/libgstopus.so"],
        package: "gstreamer1.0-plugins-base",
    },
    Tool {
        check: &["sh", "-c", "ls /usr/lib/*/gstreamer-1.0/libgstrtp.so"],
        package: "gstreamer1.0-plugins-good",
    },
];

/// The XMPP server that Jitsi uses.
pub(crate) const PROSODY: Tool = Tool {
    check: &["prosodyctl", "--version"],
    package: "prosody",
};
/// The front door.
pub(crate) const HAPROXY: Tool = Tool {
    check: &["haproxy", "-v"],
    package: "haproxy",
};
/// What reads the metrics, and its `promtool`.
pub(crate) const PROMETHEUS: Tool = Tool {
    check: &["promtool", "--version"],
    package: "prometheus",
};
/// What makes certificates that are about to end.
pub(crate) const OPENSSL: Tool = Tool {
    check: &["openssl", "version"],
    package: "openssl",
};
/// The encoders of what the load test plays.
pub(crate) const FFMPEG: Tool = Tool {
    check: &["ffmpeg", "-version"],
    package: "ffmpeg",
};
/// A server that the benchmark of whole processes measures beside ours.
pub(crate) const JANUS: Tool = Tool {
    check: &["janus", "--help"],
    package: "janus",
};
/// What the nodes of the local cluster are made of.
pub(crate) const CLUSTER: &[Tool] = &[
    Tool {
        check: &["containerd", "--version"],
        package: "containerd",
    },
    Tool {
        check: &["runc", "--version"],
        package: "runc",
    },
    Tool {
        check: &["test", "-x", "/usr/lib/cni/bridge"],
        package: "containernetworking-plugins",
    },
    Tool {
        check: &["nft", "--version"],
        package: "nftables",
    },
    Tool {
        check: &["iptables", "--version"],
        package: "iptables",
    },
    Tool {
        check: &["conntrack", "--version"],
        package: "conntrack",
    },
    Tool {
        check: &["ethtool", "--version"],
        package: "ethtool",
    },
    Tool {
        check: &["socat", "-V"],
        package: "socat",
    },
    IPROUTE,
];

/// Installs what is missing on Debian as root; elsewhere says in one sentence what is missing.
pub(crate) fn ensure(tools: &[Tool]) -> anyhow::Result<()> {
    let missing: Vec<&str> = tools
        .iter()
        .filter(|tool| !succeeds(Command::new(tool.check[0]).args(&tool.check[1..])))
        .map(|tool| tool.package)
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let packages = missing.join(" ");
    let root = std::env::var("USER").is_ok_and(|user| user == "root")
        || succeeds(Command::new("sh").args(["-c", "test \"$(id -u)\" = 0"]));
    if !root || !succeeds(Command::new("apt-get").arg("--version")) {
        bail!("missing: {packages}; on Debian: sudo apt-get install {packages}");
    }
    say(&format!("installing {packages}"));
    let _quiet = Quiet::begin()?;
    succeed(Command::new("apt-get").args(["update", "-qq"]))?;
    succeed(
        Command::new("apt-get")
            .env("DEBIAN_FRONTEND", "noninteractive")
            .args(["install", "-y", "-qq", "--no-install-recommends"])
            .args(&missing),
    )
    .with_context(|| format!("could not install {packages}"))
}

/// While it lives, nothing that Debian installs starts by itself: the tests start what they need.
struct Quiet(Option<PathBuf>);

impl Quiet {
    /// Puts Debian's own switch for that in its place, unless somebody else's is there.
    fn begin() -> anyhow::Result<Self> {
        let path = PathBuf::from("/usr/sbin/policy-rc.d");
        if path.exists() {
            return Ok(Self(None));
        }
        std::fs::write(&path, "#!/bin/sh\nexit 101\n")
            .and_then(|()| std::fs::set_permissions(&path, Permissions::from_mode(0o755)))
            .with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Self(Some(path)))
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        if let Some(path) = &self.0 {
            let _ = std::fs::remove_file(path);
        }
    }
}
