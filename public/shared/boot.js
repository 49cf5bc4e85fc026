// Starts a page: the module that its body names, seen from here. What hinders it, a file that is missing or a browser that is
// too old, is said in place of "Connecting…".
import(document.body.dataset.module).catch((error) => {
  reportError(error)
  document.body.classList.remove('waiting')
  const connection = document.getElementById('connection')
  connection.dataset.state = 'away'
  connection.textContent = `This page can't be started: ${error.message}`
})
