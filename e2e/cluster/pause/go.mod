module shoal.video/cluster/pause

go 1.25.0
