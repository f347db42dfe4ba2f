"""What the pipeline costs, beside what its parts cost alone, measured in one run (`make bench`)."""
