"""How each thing is done. Plain Python: nothing in here knows of Prefect."""
