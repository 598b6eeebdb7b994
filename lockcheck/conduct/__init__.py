"""Who runs next: free (the operating system), perturbed (it, with seeded delays), controlled."""
