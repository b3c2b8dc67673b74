//! The secret an orchestrator and its transcoders share: the first line of a file, never of the command line.

use std::path::{Path, PathBuf};

use engine::secret::OrchestratorSecret;

use crate::{
    account::password::first_line,
    context::Context,
    failure::{Failure, Kind},
};

/// Reads the secret from the file that was named, here or in the settings; tells which one that was.
///
/// # Errors
/// Usage without a file, config for one that cannot be used.
pub async fn read(
    named: Option<&Path>,
    context: &mut Context,
) -> Result<(OrchestratorSecret, PathBuf), Failure> {
    let named = named.map(Path::to_path_buf);
    let path = named.or_else(|| context.settings().orch_secret_file.clone()).ok_or_else(|| {
        Failure::new(
            Kind::Usage,
            "orch_secret_needed",
            "an orchestrator and its transcoders know each other by a secret, and none is given",
        )
        .hint(
            "put the same line into a file on each machine, like `openssl rand -hex 32 > secret; chmod 600 secret`, and \
             name it with `--orch-secret-file`",
        )
    })?;
    let shown = path.display().to_string();
    let unusable = |what: String| {
        Failure::new(
            Kind::Config,
            "orch_secret_file",
            format!("the secret file {shown} cannot be used: {what}"),
        )
        .hint("`--orch-secret-file` names a file whose first line is the secret")
    };
    let file = path.clone();
    let (line, is_exposed) = tokio::task::spawn_blocking(move || first_line(&file))
        .await
        .map_err(|error| unusable(error.to_string()))?
        .map_err(&unusable)?;
    if is_exposed {
        context.shell.warn(format_args!(
            "others may read the secret file {shown}: `chmod 600 {shown}`"
        ));
    }
    let secret = line.expose().parse::<OrchestratorSecret>();
    Ok((secret.map_err(|error| unusable(error.to_string()))?, path))
}
