-- Run once, by a PostgreSQL server that is empty: in containers, in Kubernetes and in the tests.
CREATE DATABASE prefect;
CREATE DATABASE mlflow;
CREATE DATABASE feedback;
