"""What a job can act on: 2 wrong usage, 3 data that breaks the contract, 4 an alarm, 1 anything else."""

OTHER, USAGE, DATA, ALARM = 1, 2, 3, 4
