;;; A person's first minute with a recording in Emacs, in batch mode: launch, step, previous event.
;;; Prints "stopped: FUNCTION FILE:LINE" at each stop. Run by emacs.test.ts.

(require 'package)
(package-initialize)
(require 'dap-mode)

(setq dap-auto-configure-features nil
      dap-print-io nil
      lsp-session-file (expand-file-name "lsp-session" (getenv "HOME"))
      dap-breakpoints-file (expand-file-name "dap-breakpoints" (getenv "HOME")))

(dap-register-debug-provider
 "afterimage"
 (lambda (configuration)
   (plist-put configuration :dap-server-path
              (list (getenv "AFTERIMAGE_NODE") (expand-file-name "dist/debug-adapter/main.js")))))

(defvar stops 0)

(defun report-stop (session)
  "Dap-mode has asked for the stack of SESSION and shows its top frame."
  (let ((frame (dap--debug-session-active-frame session)))
    (when (and frame (eq (dap--debug-session-state session) 'running))
      (setq stops (1+ stops))
      (princ (format "stopped: %s %s:%d\n"
                     (gethash "name" frame)
                     (file-name-nondirectory (gethash "path" (gethash "source" frame)))
                     (gethash "line" frame))))))
(add-hook 'dap-stack-frame-changed-hook #'report-stop)

(defun wait-for-stop (count)
  "Until COUNT stops have been seen. The test that started us has the time limit."
  (while (< stops count) (accept-process-output nil 1)))

(dap-debug (list :type "afterimage" :request "launch" :name "crash" :recording (getenv "AFTERIMAGE_RECORDING")))
(wait-for-stop 1)

(dap-next (dap--cur-session))
(wait-for-stop 2)

(dap--send-message (dap--make-request "afterimage.previousEvent") (lambda (_)) (dap--cur-session))
(wait-for-stop 3)

(dap-disconnect (dap--cur-session))
