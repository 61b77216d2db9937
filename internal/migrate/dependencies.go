package migrate

func (m *goMod) reportDependencies() {}
