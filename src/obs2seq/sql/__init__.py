"""The sequence contract as SQL for Amazon Athena: text only, nothing is run."""
