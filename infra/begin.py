"""Begin: what a team's workspace needs before anything runs in it. Run again, it changes nothing.

Makes the buckets, the workspace, and the DVC remote in one of the buckets. Where they are stands in the environment:
HEED_WORKSPACE, HEED_MLFLOW_ARTIFACTS and DVC_REMOTE (s3://…), and what every S3 client reads (AWS_…).
"""

import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import boto3
from botocore.exceptions import ClientError

from components.workspace import git


def begin(workspace: Path, remote: str, artifacts: str) -> None:
    """Make what is missing.

    Args:
        workspace: the folder.
        remote: where DVC keeps dataset versions, as s3://bucket/path.
        artifacts: where MLflow keeps models, as s3://bucket/path.
    """
    store = boto3.client("s3")
    for bucket in {urlsplit(address).netloc for address in (remote, artifacts)}:
        try:
            store.head_bucket(Bucket=bucket)
        except ClientError:
            store.create_bucket(Bucket=bucket)
    if not (workspace / "heed.toml").exists():
        _run("flows.cli", "init", str(workspace))
    # Where the bucket's server is and who may write there is left to the environment, and so not in git.
    _run("dvc", "--cd", str(workspace), "remote", "add", "--quiet", "--default", "--force", "team", remote)
    git.commit(workspace, "Keep dataset versions in the team's bucket", ".dvc/config")


def _run(*command: str) -> None:
    subprocess.run([sys.executable, "-m", *command], check=True)


if __name__ == "__main__":
    begin(Path(os.environ["HEED_WORKSPACE"]), os.environ["DVC_REMOTE"], os.environ["HEED_MLFLOW_ARTIFACTS"])
